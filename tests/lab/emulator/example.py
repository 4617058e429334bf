"""`lab example`: a commented VM file with every key there is."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

EXAMPLE = """\
# A virtual machine for `lab serve`. Every key may be left out: an empty file is a good VM.
# The values here are the defaults, except for the examples in [metadata] and [[answers]].

[vm]
id = "b3c4a1d0-5e6f-4a7b-8c9d-0e1f2a3b4c5d"    # vmId as Azure shows it
generation = 2                                 # 1: DMI shows the id's first three fields byte-swapped
name = "web-1"                                 # compute.name, the resource's name
hostname = "web-1"                             # compute.osProfile.computerName; "" leaves it out

[goalstate]
incarnation = 1
container_id = "c0ffee00-0000-4000-8000-000000000001"
instance_id = "d15ea5e0-0000-4000-8000-000000000002._web-1"    # XML-escaped by the emulator
moves_after = 0                                # n: the incarnation goes up after every n-th goal state; 0: never

# Merged key by key over a complete instance document; the value "__absent__" removes a key.
[metadata]
compute.location = "westeurope"
compute.tagsList = [{ name = "purpose", value = "demo" }]

# The provisioning media's ovf-env.xml, written by --media. An empty text leaves its element out.
[media]
hostname = "web-1"                             # default: that of [vm]
username = "azureuser"
password = ""
custom_data = ""                               # plain text; the emulator encodes it
custom_data_base64 = ""                        # or as it stands in the document, base64 or not
custom_data_file_base64 = ""                   # the bytes of a file CustomData.bin beside it
disable_password = "true"
prefix = "wa"                                  # of the Azure namespace; "" makes it the default one
guest_agent = "false"                          # ProvisionGuestAgent: "false" has WALinuxAgent sleep after Ready
preprovisioned = "false"                       # "true": a VM of the pool, which gets its identity later
preprovisioned_type = "None"
absent = false                                 # true: no media
# document = "<Environment/>"                  # replaces the whole file

[[media.public_keys]]                          # public_keys = [] for none; default: one key
path = "/home/azureuser/.ssh/authorized_keys"
value = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f azureuser@example"
fingerprint = "6BE7A7C3C8A8F4B123CCA5D0C2F1BE4CA7B63ED7"

[platform]
timeout = 1200.0                               # seconds until the verdict is TimedOut
api_versions = [                               # what IMDS knows; 400 for others
    "2017-04-02", "2017-08-01", "2017-12-01", "2018-02-01", "2018-10-01", "2019-03-11", "2019-06-01", "2019-11-01",
    "2020-06-01", "2020-09-01", "2020-10-01", "2021-01-01", "2021-02-01", "2021-05-01", "2021-08-01", "2021-12-13",
    "2023-07-01", "2023-11-15",
]
rate = 5                                       # IMDS requests a second, then 429; 0: no limit
require_json = false                           # true: no goal state (404), only POST /provisioning/health

# Faults: used up in order, then the normal answers begin. Endpoints:
#   goalstate, health, versions, health-json    at WireServer
#   config, certificates                        the documents that the goal state points to
#   telemetry, role-properties, health-store    what else WALinuxAgent tells WireServer
#   hostplugin                                  at port 32526, for extensions: there are none
#   imds                                        at IMDS
# A report counts only when its answer has a 2xx status: what the guest is told is what happened.

[[answers.goalstate]]                          # the first goal state: 503, come again in a second
times = 1                                      # how often; 0: for ever
status = 503
headers = { Retry-After = "1" }
body = "busy"                                  # or body_base64

[[answers.imds]]                               # without a status: the normal answer, bent
delay = 0.5                                    # seconds before it
drip = 0.0                                     # seconds between the bytes of its body
truncate = 20                                  # only so many bytes of the body, then the connection closes
length = 999                                   # a Content-Length that is not the body's

[[answers.imds]]
chunked = "well"                               # the body in chunks: "well", "badly" (its size is none), "unended"
cut_head = 40                                  # only so many bytes of the head, and nothing of the body
then = "reset"                                 # behind it all: "reset": RST; "hang": stay silent
before_base64 = "SFRUUC8xLjEgMTAwIE9LDQoNCg==" # these bytes before the answer

[[answers.health]]                             # no answer at all
drop = "request"                               # "request": read it, then close; "connect": close unread; "reset": RST

[[answers.health]]
hang = true                                    # read the request, stay silent until the emulator stops

[[answers.health]]
raw_base64 = "cnViYmlzaAo="                    # exactly these bytes instead of a response
"""


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    return argparse.ArgumentParser("lab example", description="Print a commented VM file.")


def main(arguments: Sequence[str]) -> int:
    """Print it."""
    parser().parse_args(arguments)
    print(EXAMPLE, end="")
    return 0
