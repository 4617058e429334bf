"""A hand-written provisioning script, as a fixture: see README.md. WIRESERVER, IMDS and ROOT only serve the suite."""

import http.client
import os
import re

wireserver = http.client.HTTPConnection(os.environ.get("WIRESERVER", "168.63.129.16"))
headers = {"x-ms-agent-name": "provision.py", "x-ms-version": "2012-11-30"}

wireserver.request("GET", "/machine/?comp=goalstate", headers=headers)
goalstate = wireserver.getresponse().read().decode()
container_id = re.findall("<ContainerId>(.*?)</ContainerId>", goalstate)[0]
instance_id = re.findall("<InstanceId>(.*?)</InstanceId>", goalstate)[0]

ready = f"""<?xml version="1.0" encoding="utf-8"?>
<Health xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <GoalStateIncarnation>1</GoalStateIncarnation>
  <Container>
    <ContainerId>{container_id}</ContainerId>
    <RoleInstanceList>
      <Role>
        <InstanceId>{instance_id}</InstanceId>
        <Health>
          <State>Ready</State>
        </Health>
      </Role>
    </RoleInstanceList>
  </Container>
</Health>"""
wireserver.request(
    "POST", "/machine?comp=health", body=ready, headers={**headers, "Content-Type": "text/xml;charset=utf-8"}
)
wireserver.getresponse().read()

# A plain file stands for `hostnamectl set-hostname`, so that nothing outside of ROOT changes.
imds = http.client.HTTPConnection(os.environ.get("IMDS", "169.254.169.254"))
imds.request(
    "GET",
    "/metadata/instance/compute/osProfile/computerName?api-version=2021-02-01&format=text",
    headers={"Metadata": "true"},
)
with open(os.environ["ROOT"] + "/etc/hostname", "w") as file:
    file.write(imds.getresponse().read().decode() + "\n")
