"""The documents that a goal state points to, as WALinuxAgent and Afterburn read them: a VM without extensions.

They are what a deployment of one VM has; only the names and the address in them are the VM's own.
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

_DEPLOYMENT = "5f3c0b6a-0000-4000-8000-000000000004"

_HOSTING_ENVIRONMENT = f"""\
<?xml version="1.0" encoding="utf-8"?>
<HostingEnvironmentConfig version="1.0.0.0" goalStateIncarnation="{{incarnation}}">
  <StoredCertificates/>
  <Deployment name="{_DEPLOYMENT}" guid="{{{{{_DEPLOYMENT}}}}}" incarnation="0"/>
  <Incarnation number="{{incarnation}}" instance={{instance}} guid="{{{{{_DEPLOYMENT}}}}}"/>
  <Role guid="{{{{{_DEPLOYMENT}}}}}" name={{name}} settleTimeSeconds="0"/>
</HostingEnvironmentConfig>
"""

_SHARED = f"""\
<?xml version="1.0" encoding="utf-8"?>
<SharedConfig version="1.0.0.0" goalStateIncarnation="{{incarnation}}">
  <Deployment name="{_DEPLOYMENT}" guid="{{{{{_DEPLOYMENT}}}}}" incarnation="0"/>
  <Incarnation number="{{incarnation}}" instance={{instance}} guid="{{{{{_DEPLOYMENT}}}}}"/>
  <Role guid="{{{{{_DEPLOYMENT}}}}}" name={{name}} settleTimeSeconds="0"/>
  <OutputEndpoints/>
  <Instances>
    <Instance id={{instance}} address={{address}}>
      <FaultDomains randomId="0" updateId="0" updateCount="0"/>
      <InputEndpoints/>
    </Instance>
  </Instances>
</SharedConfig>
"""

_EXTENSIONS = """\
<?xml version="1.0" encoding="utf-8"?>
<Extensions version="1.0.0.0" goalStateIncarnation="{incarnation}">
  <GuestAgentExtension xmlns:i="http://www.w3.org/2001/XMLSchema-instance"/>
</Extensions>
"""

_FULL = """\
<?xml version="1.0" encoding="utf-8"?>
<FullConfig version="1.0.0.0" goalStateIncarnation="{incarnation}"/>
"""

# By the `type` that the goal state's addresses name.
_DOCUMENTS = {
    "hostingEnvironmentConfig": _HOSTING_ENVIRONMENT,
    "sharedConfig": _SHARED,
    "extensionsConfig": _EXTENSIONS,
    "fullConfig": _FULL,
}

# No certificate belongs to the VM. In this format there is nothing to decrypt, which all readers know.
CERTIFICATES = """\
<?xml version="1.0" encoding="utf-8"?>
<CertificateFile>
  <Version>2012-11-30</Version>
  <Incarnation>{incarnation}</Incarnation>
  <Format>CertificatesNonPfxPackage</Format>
</CertificateFile>
"""


def configuration(kind: str, incarnation: int, instance: str, name: str, address: str) -> str | None:
    """The document of one `type`, None where there is no such type."""
    document = _DOCUMENTS.get(kind)
    if document is None:
        return None
    texts = {"instance": quoteattr(instance), "name": quoteattr(name), "address": quoteattr(address)}
    return document.format(incarnation=incarnation, **texts)
