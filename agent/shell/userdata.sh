# userdata.sh: the steps `custom-data` and `user-data`: the exact bytes that the user handed over, and starting them if
# asked to.

step_custom_data() {
	_result=skipped
}

step_user_data() {
	_result=skipped
}
