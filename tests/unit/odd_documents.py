"""What might tell the two engines apart: realistic documents, and odd things to put into each place of them.

A document is a list of slots. `odd` fills one or two of them with something odd, or bends the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

# The usual text of a place in a document, and odd ones.
Slot = tuple[str, Sequence[str]]


@st.composite
def odd(draw: st.DrawFn, slots: Sequence[Slot], pieces: Sequence[str]) -> bytes:
    """A document with one or two odd places, and sometimes with bytes put in, taken out or cut off.

    More oddities would only make sure that both engines refuse it.
    """
    places = draw(st.sets(st.integers(0, len(slots) - 1), min_size=1, max_size=2))
    texts = [draw(st.sampled_from(slot[1])) if number in places else slot[0] for number, slot in enumerate(slots)]
    data = encode("".join(texts))
    if draw(st.integers(0, 3)) > 0:
        return data
    at = draw(st.integers(0, len(data)))
    behind = at + draw(st.sampled_from([0, 0, 1, 4, len(data)]))
    return data[:at] + draw(st.sampled_from(pieces).map(encode) | st.binary(max_size=3)) + data[behind:]


def encode(text: str) -> bytes:
    """UTF-8; a lone surrogate stands for one byte that is none."""
    return text.encode("utf-8", "surrogateescape")


def joined(pieces: Sequence[str]) -> st.SearchStrategy[str]:
    """Texts made of a few of the pieces."""
    return st.lists(st.sampled_from(pieces), max_size=10).map("".join)


BOM = "\ufeff"
VM_ID = "b3c4a1d0-5e6f-4a7b-8c9d-0e1f2a3b4c5d"
# What XML forbids, or what some tool or language treats in its own way.
ODD = [
    "\x01",
    "\x0b",
    "\x0c",
    "\x1f",
    "\x7f",
    "\x85",
    "\xa0",
    "\u0661",
    "\u00b2",
    "\u2028",
    "\ufffe",
    "\uffff",
    "\U0010ffff",
]
NOT_UTF_8 = ["\udcff", "\udcc0\udc80", "\udced\udca0\udc80", "\udcf4\udc90\udc80\udc80", "\udcc3", "\udce2\udc82"]

# The goal state

DECLARATIONS = [
    "", BOM, BOM + '<?xml version="1.0" encoding="utf-8"?>', BOM + BOM, " <?xml version='1.0'?>", "<?xml?>",
    '<?XML version="1.0"?>', "<?xml version = '1.0'\tencoding\n=\r'utf-8' ?>", '<?xml encoding="utf-8"?>',
    *(
        f'<?xml version="1.0"{rest}?>'
        for rest in (
            ' encoding="UTF-8" standalone="yes" ', ' encoding="us-ascii"', ' encoding="utf-16"', ' encoding="latin-1"',
            ' encoding=""', ' encoding=" utf-8"', ' encoding="utf8"', ' encoding="utf-8"?', ' encoding=utf-8', ' x="y"',
            ' standalone="maybe"', ' standalone="yes" encoding="utf-8"', 'encoding="utf-8"', ' version="1.0"', "\u00a0",
        )
    ),
    *(f'<?xml version="{version}"?>' for version in ("", "9.9", "1 0", "x&lt;", "encoding='utf-16'", "\u0661", "1:0")),
]  # fmt: skip
COMMENTS = (" x ", "", "-", "->", ">", " - ", " -- ", "x-", "<a>&</a>", "\x01", "]]>", "\udcff")
INSTRUCTIONS = (
    "a",
    "a b",
    "a ?",
    "a?",
    "",
    " a",
    "1a",
    "\u00e9",
    "a\u00e9",
    "xml",
    "XML a",
    "xmla",
    "xml-a b='1'",
    "a<b",
    ":a",
)
CDATA = ("", "x", " ", "<&", "]]", "]", "\x01", "<![CDATA[", "\ufffe")
REFERENCES = ("amp", "lt", "quot", "nbsp", "", "#32", "#10", "#x20", "#X20", "#0", "#65", "# 65", "\u00e9")
EMPTY_TAGS = (
    "a",
    "a ",
    "\u00e9",
    "a\u00e9",
    "1",
    "-a",
    "_a",
    "x:a",
    ":a",
    "a:",
    "x:y:a",
    "a.b-c",
    "Incarnation",
    "RoleInstance",
    "/a",
)
ATTRIBUTES = (
    'b="1" c="2"', 'b="1"c="2"', 'b="1" b="2"', '\u00e9="1"', "b = '\"'", 'b="<"', 'b=">"', 'b="&"', 'b="&lt;"', "b",
    "b=1",
    'b="&x;"', 'b="&#0;"', 'b="\n"', 'b="]]>"', 'b="\x01"', 'xmlns="u"', 'xmlns:x="u" x:b="1"', 'b:="1"', '1="1"',
    'b=""',
    'x:b="1" y:b="1"', 'b\x0c="1"', "b='&#xD800;'", 'b="\u00e9"', "B='' b=''",
)  # fmt: skip
BROKEN = (
    "<a></a>", "<a></a >", "<a></ a>", "<a><b></a></b>", "<a>", "</a>", "<a/ >", "< a/>", "<a", "<a /", "<a/ b='1'>",
    "</GoalState>",
    "<Container><ContainerId>x</ContainerId></Container>", "<GoalState/>", "<!DOCTYPE a>",
    "<!DOCTYPE a [<!ENTITY x 'y'>]>",
    "<!ELEMENT a>", "<!", "<!-", "<!--", "<![CDATA[", "<?", "<", ">", "&", "]]>", "]]", "]", "--", "x", "\u00e9", "\r",
    "\t", BOM,
)  # fmt: skip
MARKUP = [
    *(f"<!--{text}-->" for text in COMMENTS),
    *(f"<?{text}?>" for text in INSTRUCTIONS),
    *(f"<![CDATA[{text}]]>" for text in CDATA),
    *(f"&{name};" for name in REFERENCES),
    *(f"<{tag}/>" for tag in EMPTY_TAGS),
    *(f"<a {attributes}/>" for attributes in ATTRIBUTES),
    *BROKEN,
    *ODD,
    *NOT_UTF_8,
]
IDS = [
    "", " ", "\n\t ", " c0\n", "\r\nc0\r\n", "a b", "a\tb", "a\nb", "a\r\nb", "&#10;a&#13;&#9;", "a&#10;b", "a&#9;b",
    "&#32;",
    "a&amp;&lt;&gt;&quot;&apos;b", "&#65;&#x42;", "&#X43;", "&#xFFFE;", "&#x10FFFF;", "&#x110000;", "&#x1FFFE;",
    "&#xD800;", "&#0065;",
    "&#99999999999999999999;", "&#x100000041;", "&#4294967361;", "&#;", "&#x;", "&#-1;", "&lt", "&LT;", "&a;",
    "&amp;lt;", "&#38;lt;",
    "<![CDATA[a]]>", "<![CDATA[a]]]]><![CDATA[>b]]>", "a<![CDATA[&amp;<]]>b", "a<!-- c -->b", "a<?p?>b", "a<b/>",
    "a<b>c</b>d",
    "a" * 256, "a" * 257, "a" * 255 + "\u00e9", "\u00e9" * 128, "]]&gt;", "]]>", ".", "-", "$(id)", "`id`", "'\"\\",
    "\\n", "%s",
    "@STATE@", "&&", "&#x0000000000041;", "&#127;", "&#128;", "&#x85;", "&#xa0;b",
    *(f"a{piece}b" for piece in (*ODD, *NOT_UTF_8)), *ODD,
]  # fmt: skip
NUMBERS = [
    "0", "01", "+1", "-1", "1.0", "1e3", "0x1", "1 2", " 7\n", "9" * 256, "9" * 257, "", "&#49;", "1<!-- -->2", "1\n",
    *ODD,
]  # fmt: skip
SPELT = ["x:{}", ":{}", '{} a="1"', "{} xmlns='u'\n", "{}x", "i{}"]


def element(name: str, usual: str, odd_texts: Sequence[str]) -> Slot:
    """`<name>text</name>` with odd texts, and the name spelt in other ways."""
    tags = [form.format(name) for form in SPELT]
    others = [f"<{name}>{text}</{name}>" for text in odd_texts] + [f"<{tag}>{usual}</{tag.split()[0]}>" for tag in tags]
    return f"<{name}>{usual}</{name}>", others


GAP: Slot = ("\n  ", [*MARKUP, "", "\r\n", " "])
ROLES = "<RoleInstanceList><RoleInstance>"
GOAL_STATE: list[Slot] = [
    ('<?xml version="1.0" encoding="utf-8"?>', DECLARATIONS), GAP,
    ('<GoalState xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">', ["<GoalState>", "<g:GoalState>", ""]), GAP,
    element("Incarnation", "1", NUMBERS), GAP, ("<Container>", ["<x:Container>"]), GAP,
    element("ContainerId", "c0ffee00-0000-4000-8000-000000000001", IDS), GAP,
    (ROLES, ["<RoleInstanceList>", "<RoleInstanceList><RoleInstance/><RoleInstance a=''>"]), GAP,
    element("InstanceId", "d15ea5e0._web-1", IDS), GAP, ("</RoleInstance></RoleInstanceList>", ["</RoleInstance>"]),
    GAP,
    ("</Container></GoalState>", ["</x:Container></GoalState>", "</Container></g:GoalState>", "</Container>", ""]), GAP,
]  # fmt: skip

# The provisioning media's ovf-env.xml

OVF_NS, AZURE_NS = "http://schemas.dmtf.org/ovf/environment/1", "http://schemas.microsoft.com/windowsazure"
BINDINGS = [
    "", f' xmlns="{OVF_NS}"', f' xmlns="{AZURE_NS}"', f" xmlns:wa='{AZURE_NS}'", f' xmlns:oe="{OVF_NS}"', ' xmlns=""',
    ' xmlns:wa=""', ' xmlns:wa="urn:x"', f' xmlns:wa=" {AZURE_NS}"', f' xmlns:wa="{AZURE_NS}\n"',
    f' xmlns:wa="{AZURE_NS.replace("a", "&#97;")}"', f' xmlns:wa="{AZURE_NS.upper()}"', f' xmlns:="{AZURE_NS}"',
    f' xmlns:a:b="{AZURE_NS}"', f' xmlns:xml="{AZURE_NS}"', f' xmlns:i="x" i:type="{AZURE_NS}"', f' XMLNS="{AZURE_NS}"',
]  # fmt: skip
PREFIXES = ["wa:", "oe:", "", "x:", "a:b:", "wa:wa:", "xml:", ":"]


def named(name: str, prefix: str, odd_texts: Sequence[str], usual: str) -> Slot:
    """An element of a namespace, with other prefixes, bindings and texts."""
    tag = f"{prefix}{name}"
    others = [f"<{other}{name}>{usual}</{other}{name}>" for other in PREFIXES]
    others += [f"<{tag}{binding}>{usual}</{tag}>" for binding in BINDINGS]
    return f"<{tag}>{usual}</{tag}>", [*others, *(f"<{tag}>{text}</{tag}>" for text in odd_texts)]


WORDS = ["true", "True", " 1 ", "YES\n", "on", "off", "0", "no", "false", "", "maybe", "tru&#101;", "<![CDATA[true]]>"]
OVF: list[Slot] = [
    ('<?xml version="1.0" encoding="utf-8"?>', DECLARATIONS), GAP,
    (f'<oe:Environment xmlns:oe="{OVF_NS}" xmlns:wa="{AZURE_NS}">', [
        f'<Environment xmlns="{OVF_NS}" xmlns:oe="{OVF_NS}" xmlns:wa="{AZURE_NS}">', "<oe:Environment>",
        *(f"<oe:Environment{binding}>" for binding in BINDINGS),
    ]),
    ("<wa:ProvisioningSection>", ["<oe:ProvisioningSection>", "<ProvisioningSection>"]), GAP,
    ("<wa:LinuxProvisioningConfigurationSet>", [f"<wa:LinuxProvisioningConfigurationSet{b}>" for b in BINDINGS]),
    named("HostName", "wa:", IDS, "web-1"), GAP, named("UserName", "wa:", IDS, "ann"), GAP,
    named("UserPassword", "wa:", IDS, "p&amp;&lt;w"), named("DisableSshPasswordAuthentication", "wa:", WORDS, "true"),
    named("CustomData", "wa:", IDS, "aGVs\r\nbG8="), GAP,
    ("<wa:SSH><wa:PublicKeys>", [f"<wa:SSH><wa:PublicKeys{binding}>" for binding in BINDINGS]),
    ("<wa:PublicKey>", ["<PublicKey>"]), named("Value", "wa:", IDS, "ssh-rsa A\r\n"), GAP,
    ("</wa:PublicKey><wa:PublicKey>", ["</wa:PublicKey><PublicKey>", "</wa:PublicKey><wa:PublicKey/><wa:PublicKey>"]),
    named("Value", "wa:", IDS, "ssh-rsa B"), ("</wa:PublicKey></wa:PublicKeys></wa:SSH>", ["</wa:PublicKey>"]),
    ("</wa:LinuxProvisioningConfigurationSet>", [""]), ("</wa:ProvisioningSection>", ["</oe:ProvisioningSection>"]),
    ("</oe:Environment>", ["", "</Environment>"]), GAP,
]  # fmt: skip

# The instance document

TEXTS = [
    '""', '" "', '"a\\nb"', '"a\\u0000b"', '"\\u00e9"', '"\\uD83D\\uDE00"', '"\\uD83D"', '"\\uDE00"',
    '"\\uD83Dx\\uDE00"', '"\\uD83D\\u0041"',
    '"\\\\"', '"\\\\\\""', '"\\/\\b\\f\\r\\t"', '"\\x"', '"\\u12"', '"\\u 123"', '"\\u+123"', '"\\U0041"',
    '"\\\\u0041"', '"\\\\\\u0041"',
    '"\\"', '"{[,:]}"', '"a', 'a"', "'a'", '"a" "b"', '"a"b', '"a\\\nb"', '"a\nb"', '"a\tb"', '"\\u0009"', '"\\uffff"',
    '"\\uFFFE"',
    '"</x>&amp;"', '"$(id)%s"', '"\\uD83D\\uDE0"', '"\\uD83D\\\\uDE00"',
    *(f'"a{piece}b"' for piece in (*ODD, *NOT_UTF_8)),
]  # fmt: skip
OBJECTS = [
    '{"name": "x"}',
    '{"computerName": "x"}',
    '{"": "x"}',
    '{"": {"name": "x"}}',
    '["x"]',
    '[{"name": "x"}]',
    "{}",
    "[]",
]
VALUES = [
    *TEXTS, *OBJECTS, "null", "true", "True", "tru", "nan", "NaN", "Infinity", "-Infinity", "undefined", "0", "-0",
    "01", "-", "1.", ".5",
    "+1", "1e5", "1E+2", "1e", "0x1", "1_0", "1e999", "\u0661", "9" * 5000, "-" + "9" * 5000, "[1,]", "[,1]", '{"a"}',
    '{"a":}', '{"a":1,}',
    "{,}", "{1:2}", "[1 2]", "[1:2]", "", "/* c */ 1", "//x\n1", "1 #",
    *("[" * depth + "]" * depth for depth in (61, 62, 63, 64, 65, 2000)),
    *('{"a":' * depth + "1" + "}" * depth for depth in (60, 61, 62, 63, 64)),
]  # fmt: skip
KEYS = (
    "compute",
    "name",
    "osProfile",
    "computerName",
    "compute.name",
    "osProfile.computerName",
    "",
    "a",
    "\\u006eame",
    "\\u0000",
    "n\\",
    "\x01",
)
MEMBERS = [f'"{key}": {value}' for key in KEYS for value in ['"x"', "7", "null", *OBJECTS]]
MEMBER: Slot = (
    "",
    [*(f"{text}, " for text in MEMBERS), ",", " ", "\r\n\t", "\x0c", "\xa0", BOM, "x", '"a", ', "1: 2, "],
)
LAST: Slot = ("", [*(f", {text}" for text in MEMBERS), ",", "}", "]", "x"])


def member(name: str, usual: str) -> Slot:
    """`"name": "value"` with odd values, and the name spelt in other ways."""
    forms = (
        f'"{name}" : "x"',
        f'"{name}""x"',
        f'"{name}":: "x"',
        f'"{name}"= "x"',
        f'{name}: "x"',
        f"'{name}': \"x\"",
        "",
    )
    return f'"{name}": {usual}', [*(f'"{name}": {value}' for value in VALUES), *forms]


COMPUTE = ['"compute": [{', '"compute": ', '"Compute": {', "'compute': {", "compute: {", '"compute" {']
INSTANCE: list[Slot] = [
    ("", [BOM, BOM + BOM, " ", "\x0c", "[", "null ", "\udcff"]), ("{", ["[", "", "{{", '[{"x": 1}, {']), MEMBER,
    ('"compute": {', COMPUTE), MEMBER, member("name", '"web-1"'), (",\n  ", ["", ",,", ";"]), MEMBER,
    ('"osProfile": {"adminUsername": "azureuser",', ['"osProfile": {']), MEMBER, member("computerName", '"web-1"'),
    LAST,
    ("},\n  ", ["}", "}},", "},,", ""]), member("vmId", f'"{VM_ID}"'), LAST, ("}", ["", "}}", "]"]), LAST,
    ("}", ["", "}}", "]", "},"]), ("\n", ["\r\n", "x", "{}", "\x0c", " \t", BOM]),
]  # fmt: skip

# Names and arguments

# Letters that some rule or some tool treats in its own way, in every locale.
LETTERS = "aB9--..__ \t\r\n\x0b\x0c\x1c\x7f\x85\xa0\u2028\u3000\u00e9\ufb00<>&'\"`|\\$/%*?["
SHORT = joined(LETTERS)
LONG = st.builds(
    lambda text, count: text * count, joined(["a", "b", "-", ".", "\u00e9", " ", "|", "'"]), st.integers(20, 300)
)
# Arguments of a command line are bytes.
ARGUMENTS = joined([*"aaB=|'\r\n\t\x01\x7f\"\\&<>@%*- \u00e9\u20ac\ufffe\uffff\U0001f600", *NOT_UTF_8]) | LONG
PRINTABLE = joined([*"aB&<>\"'@\\&;%\u00e9\U0001f600 ", "@STATE@", "&amp;", "\\&"])

# Files that keep a hostname, and lines of them

LINES = {
    "etc/hostname": ["old", "web-1", "# c", ""],
    "etc/config/system": [
        "config system", "\toption hostname 'old'", " option\thostname\told", "option hostname", "option hostname ",
    ],
    "etc/HOSTNAME": ["old", "web-1"],
    "etc/conf.d/hostname": [
        "hostname=old", ' hostname="old"', "# hostname=old", 'hostname="web-1"', "hostname", "HOSTNAME=x",
    ],
    "etc/rc.conf": [
        "HOSTNAME=old", "#HOSTNAME=old", "##HOSTNAME=", ' HOSTNAME="x"', "HOSTNAME", 'HOSTNAME="web-1"', "A=1",
    ],
    "opt/bootsync.sh": [
        "/usr/bin/sethostname box", "/usr/bin/sethostname", " sethostname x", "sethostname", "#!/bin/sh",
    ],
}  # fmt: skip


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes]:
    """Some of the files that keep a hostname, with near-valid content."""
    names = draw(st.sets(st.sampled_from(sorted(LINES)), max_size=2))
    return {name: draw(contents(LINES[name])) for name in sorted(names)}


def contents(lines: Sequence[str]) -> st.SearchStrategy[bytes]:
    """A file made of these lines, with line ends of both kinds, and of rubbish."""
    line = st.sampled_from([*lines, *lines, "", "\r", "\x0b", "\x0c", "\u2028", "\x85", "\udcff", "\\n&", "'", "x y"])
    ends = st.sampled_from(["\n", "\n", "\r\n"])
    return st.tuples(st.lists(line, max_size=4), ends, st.booleans()).map(
        lambda f: encode(f[1].join(f[0]) + f[1] * f[2])
    )


# Settings: values of each kind

SETTINGS = {
    "address": [
        "127.0.0.1", "a:1", "a:123456", ":1", "a:", "a:b", "a_b", "a:1:2", "::1", "\u0661", "a\n", "", " ", "-", "a b",
        "a*",
    ],
    "seconds": ["1", "0", "01", "999999", "1000000", "-1", "1.5", "\u0661", "1\n", "", " 1", "1 ", "1e3"],
    "steps": [
        "all", "hostname", "hostname,hostname", ",", "", "all,all", "all hostname", " all", "all,", "*", "hostname\t",
        "\n", "\xa0", "ALL",
    ],
    "media": [
        "auto", "none", "/", "/dev/sr0", "/a b", "/\u00e9", "/a\n", "/a\t", "dev/sr0", "", "AUTO", "auto ",
        "/\x7f", "none,auto", "/*",
    ],
    "names": [
        "", "wheel", "a,b", "a,,b", ",", "a,", ",a", "-a", "a-,b-", "a b", "\u00e9", "a,-b", "_", "1", "a\n", "*",
    ],
    "shell": ["", "/", "/bin/sh", "bin/sh", "/a b", "/a:b", "/\u00e9", "/a\n", "/a\x0b", "/\xa0", "/*", " "],
    "one-of": [
        "auto", "yes", "once", "per-instance", "auto,yes", ",", "", "Auto", "auto ", "no\n", "*", "once,per-instance",
        "a b",
    ],
}  # fmt: skip
