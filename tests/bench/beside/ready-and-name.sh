# The script, and then its curl for the name. `hostname` is called as it would be, and a file takes the name.
python3 "$READY" || exit
name=$(curl -sf -H Metadata:true \
	"http://$IMDS/metadata/instance/compute/osProfile/computerName?api-version=2021-08-01&format=text") || exit
hostname >/dev/null
echo "$name" >"$ROOT/etc/hostname"
