#!/bin/bash
# A hand-written provisioning script, as a fixture: see README.md. WIRESERVER, IMDS and ROOT only serve the suite.
wireserver=${WIRESERVER:-168.63.129.16}
imds=${IMDS:-169.254.169.254}

goalstate=$(curl -s -H "x-ms-agent-name: provision.sh" -H "x-ms-version: 2012-11-30" \
    "http://$wireserver/machine/?comp=goalstate")
container_id=$(grep ContainerId <<< "$goalstate" | sed 's/\s*<\/*ContainerId>//g' | sed 's/\r$//')
instance_id=$(grep InstanceId <<< "$goalstate" | sed 's/\s*<\/*InstanceId>//g' | sed 's/\r$//')

ready="<?xml version=\"1.0\" encoding=\"utf-8\"?>
<Health xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">
  <GoalStateIncarnation>1</GoalStateIncarnation>
  <Container>
    <ContainerId>$container_id</ContainerId>
    <RoleInstanceList>
      <Role>
        <InstanceId>$instance_id</InstanceId>
        <Health>
          <State>Ready</State>
        </Health>
      </Role>
    </RoleInstanceList>
  </Container>
</Health>"
curl -s -X POST -H "x-ms-agent-name: provision.sh" -H "x-ms-version: 2012-11-30" \
    -H "Content-Type: text/xml;charset=utf-8" -d "$ready" "http://$wireserver/machine?comp=health"

# A plain file stands for `hostnamectl set-hostname $(curl ...)`, so that nothing outside of ROOT changes.
curl -s -H "Metadata: true" \
    "http://$imds/metadata/instance/compute/osProfile/computerName?api-version=2021-02-01&format=text" \
    > "$ROOT/etc/hostname"
echo >> "$ROOT/etc/hostname"
