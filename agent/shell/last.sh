# last.sh: the end of the text: what the launcher has left to do.

"$launcher_rest"
exit $?
