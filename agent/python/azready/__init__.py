"""azready, the Python engine: provisions an Azure VM once and reports Ready, or the real reason why not."""
