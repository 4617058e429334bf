"""What azready costs beside others: processor, memory, programs, forks, requests. `python3 build.py bench` shows it."""
