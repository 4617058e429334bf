# Goal state and Ready with nothing around: the least that anybody needs who has curl.
curl -sf -H x-ms-version:2012-11-30 -o /dev/null "http://$WIRESERVER/machine/?comp=goalstate" || exit
curl -sf -H x-ms-version:2012-11-30 -H 'Content-Type: text/xml' --data-binary "@$ROOT/ready.xml" \
	"http://$WIRESERVER/machine/?comp=health"
