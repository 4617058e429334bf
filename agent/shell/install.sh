# install.sh: puts azready into an image and enables the service of the init that the image has; takes all of it out again.

main_install() {
	die_usage 'install is not there yet' 'copy the file and a unit by hand'
}

main_uninstall() {
	die_usage 'uninstall is not there yet' 'remove the files by hand'
}
