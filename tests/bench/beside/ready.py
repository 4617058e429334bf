"""What the public documentation's "no agent" example does in Python, written anew: goal state, then Ready. No more."""

import http.client
import os
from xml.etree import ElementTree

wireserver = http.client.HTTPConnection(os.environ["WIRESERVER"])
wireserver.request("GET", "/machine?comp=goalstate", headers={"x-ms-version": "2012-11-30"})
goal_state = ElementTree.fromstring(wireserver.getresponse().read())
container_id = goal_state.findtext("Container/ContainerId")
instance_id = goal_state.findtext("Container/RoleInstanceList/RoleInstance/InstanceId")

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
wireserver = http.client.HTTPConnection(os.environ["WIRESERVER"])
headers = {"x-ms-version": "2012-11-30", "Content-Type": "text/xml;charset=utf-8", "x-ms-agent-name": "custom"}
wireserver.request("POST", "/machine?comp=health", body=ready, headers=headers)
wireserver.getresponse().read()
