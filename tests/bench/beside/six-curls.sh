# Six requests with nothing around.
wire() { curl -sf -H x-ms-version:2012-11-30 -o /dev/null "$@"; }
imds() { curl -sf -H Metadata:true -o /dev/null "$@"; }
wire "http://$WIRESERVER/?comp=versions" || exit
wire "http://$WIRESERVER/machine/?comp=goalstate" || exit
imds "http://$IMDS/metadata/instance?api-version=2021-08-01" || exit
imds "http://$IMDS/metadata/instance/compute/osProfile/computerName?api-version=2021-08-01&format=text" || exit
wire "http://$WIRESERVER/machine/?comp=goalstate" || exit
wire -H 'Content-Type: text/xml' --data-binary "@$ROOT/ready.xml" "http://$WIRESERVER/machine/?comp=health"
