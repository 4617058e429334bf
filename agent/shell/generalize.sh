# generalize.sh: makes an image safe to capture: nothing of this machine stays, and azready provisions the next one.

main_generalize() {
	die_usage 'generalize is not there yet' 'remove host keys, machine-id and accounts by hand'
}
