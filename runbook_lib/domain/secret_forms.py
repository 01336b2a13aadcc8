"""Finds secrets that no setting knows, by their form: what a customer pastes of their own, or a service quotes. Pure.

A form is a vendor's prefix, a private key's block, a password in an address, in a command's options or in what is piped
into it, a webhook, or a value behind a name that says so. A value behind a name has a letter and a digit, since words
about passwords are no passwords; where only a space or a verb stands between them, it has letters in both cases, too,
or is a long code. A vendor that is not known here is recognized by what most tokens have: a prefix, then a long word of
letters in both cases and digits.

Every search is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, partial

from runbook_lib.domain import secret_columns

_DENSE = r"(?=[^\s\"'<>&,;]{0,200}?[0-9])(?=[^\s\"'<>&,;]{0,200}?[^\W\d_])"
_DENSE_QUOTED = r"(?=[^\s\"']{0,200}?[0-9])(?=[^\s\"']{0,200}?[A-Za-z])"
"""A letter and a digit are in the word that follows; one in quotes may have any sign in it."""
_MIXED = r"(?=[^\s\"'<>&,;]{0,200}?(?-i:[A-Z]))(?=[^\s\"'<>&,;]{0,200}?(?-i:[a-z]))"
"""Letters in both cases, too."""
_CODE = r"(?=(?-i:[0-9a-f]{20}|[A-Z2-7]{16}))"
"""Or many hex digits, or Base32."""
_RANDOM = r"(?-i:(?=(?:[a-z0-9_-]{0,20}[A-Z]){5})(?=(?:[A-Z0-9_-]{0,20}[a-z]){5})(?=[\w-]{20,200}(?![\w(-]|\.\w)))"
"""Or letters in both cases that change often, as in a token of GitLab that happens to have no digit."""
_FOR = (
    r"(?:\s{1,3}(?:for|of|für|von|vom|des|pour|du|de|para|del|di|da|do|voor|van|dla|для|от)"
    r"(?:\s{1,3}[\w@.'-]{1,40}){1,4}?(?: \([^()\r\n]{1,30}\))?|\s{1,3}(?:root|admin|temporaire|provisoire|temporal))"
)
"""Whose secret it is."""
_ASSIGNED = (
    rf"(?:\.(?:value|key|secret|data))?[\"'\]]{{0,3}}(?: \([^()\r\n]{{1,30}}\)|{_FOR}"
    r"|(?:\s{1,3}[\w:-]{1,30}=\"[^\"<>]{0,60}\"){1,4}(?=\s?>))?"
    r"(?:\s{0,3}(?:=>|[:=|>\uff1a])\s{0,3}|[ \t]{1,40}\|[ \t]{0,3}|\s{1,20}value\s{0,3}[:=]\s{0,3}"
    r"|</t[dh]>\s{0,9}<td[^<>]{0,80}>|</(?:name|key)>\s{0,20}<(?:value|string)>)"
)
_VENDORS = r"""
    gl            [a-z]{2,6}-[\w=-]{16,300}(?:\.[\w.]{2,40})?
    gr1348941|xapp-|github_pat_|pypi-  [\w-]{20,400}
    xox           [a-z](?:\.xox[a-z])?-[\w-]{10,300}
    gh            [a-z]_\w{36,255}
    npm_          [a-z0-9]{30,60}
    dop_v1_|doo_v1_|dor_v1_|dapi|key-  [0-9a-f]{32,128}
    atatt3|atctt3|age-secret-key-1     [\w=-]{20,300}
    eyj           [\w-]{10,4000}\.eyJ[\w-]{10,8000}\.[\w-]{0,4000}
    aiza          [\w-]{30,60}
    ya29.         [\w.-]{20,2000}
    sg.           [\w-]{16,60}\.[\w-]{16,100}
    hv            [sbr]\.[\w-]{20,300}
    sk-           (?:[a-z0-9]{2,10}-){0,3}[\w-]{32,300}
    attachments/token/                 [\w-]{10,200}
"""
"""How tokens begin, and go on. Source: GitLab documentation, *Token overview*; Slack and GitHub, *token types*;
Zendesk, attachments; RFC 7519; the vendors' lists of prefixes in GitHub's *Supported secret scanning patterns*."""
_TOKEN = re.compile(
    r"[_.-](?=[A-Z0-9]{0,40}[a-z])(?=[a-z0-9]{0,40}[A-Z][a-z0-9]{0,40}[A-Z])"
    r"[A-Za-z0-9]{20,200}(?:[_-][A-Za-z0-9]{16,200}){0,3}(?![A-Za-z0-9+/])"
)
_PREFIX = re.compile(r"(?<![\w./+-])(?!sha[0-9]{1,3}\Z)[A-Za-z][A-Za-z0-9]{1,11}(?:[_.-][a-z0-9]{1,10}){0,3}\Z")
_DIGITS = re.compile("[0-9]+")
_PREFIX_CHARS = 48
"""A token of a vendor that is not known here, and what stands before it; its digits are not all in one place."""
_KEY = (
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:(?!-----)[\s\S]){1,20000}?-----END [A-Z0-9 ]{0,60}PRIVATE KEY(?: BLOCK)?-----"
    r"|(?:[^A-Za-z0-9+/=]{0,12}[A-Za-z0-9+/=]{16,})*)"
    r"|PuTTY-User-Key-File-[0-9]:[\s\S]{1,20000}?(?:Private-(?:MAC|Hash):[^\r\n]{0,200}|\Z)"
)
"""A private key, to its end or as far as it looks like one. Source: RFC 7468; OpenSSH; PuTTY."""
_ADDRESS = (
    r":/{1,2}(?:[^\s/:@?#\"'<>]{0,100}:(?P<password>(?![0-9]{1,5}[?#][^\s@]{0,200}[=&])[^\s/\"'<>]{1,200})"
    r"|(?=[a-z_-]{0,60}[0-9]{1,20}[a-z_-]{1,60}[0-9])(?P<alone>[\w-]{20,200}))@"
)
"""A password in an address, or a token in the user's place."""
_HOOK = (
    r"(?<!-)hooks?(?:b2|\.[\w.-]{2,60})?/(?![\w/-]{0,60}?(?:tree|blob|raw|commits?|uploads)/)"
    r"(?P<hook>(?:[\w@=-]{1,100}/){0,6}"
    r"(?=[a-z_-]{0,60}[0-9]{1,20}[a-z_-]{1,60}[0-9])[\w=-]{0,100}[a-z0-9]{16}[\w/@=-]{0,300})"
)
"""What follows *hooks* in the path or the host of a webhook, with a long mixed word in it.

Whoever knows the address can post to it.
"""
_OF_VENDORS = (
    r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/(?P<slack>[\w/-]{8,200})"
    r"|hooks/(?P<mattermost>[a-z0-9]{26})(?![\w/-])|hooks/[0-9]{15,20}/(?P<discord>[\w-]{50,100})"
)
"""Source: Slack, *incoming webhooks*; Mattermost, *incoming webhooks*; Discord, *webhook resource*."""
_HASH = r"\$(?:[156y]|2[aby]|apr1|argon2\w{1,2})\$(?:[\w./=,+-]{1,60}\$){0,3}[\w./+]{20,120}={0,2}"
"""A password's hash, of which the password can be found. Source: crypt(5); the Argon2 reference implementation."""
_ZAPIER = r"hooks\.zapier\.[\w.]{2,20}/hooks/(?P<zapier>(?:catch|standard)/[0-9]{2,12}/\w{5,40})"
_SIGNED = r"sig(?:nature)?=(?P<signature>[^&\s\"'<>]{8,2000})"
"""Source: AWS Signature Version 4; Google Cloud Storage, *signed URLs*; Azure, *shared access signature*."""
_MAIL_ADDRESS = (
    r"\+(?:[\w.-]{1,200}-)??(?=[a-z]{0,60}[0-9])(?=[0-9]{0,60}[a-z])(?P<mailed>[a-z0-9]{20,60})"
    r"(?:-issue|-merge-request)?@[\w-]"
)
"""Who knows the address can write in a user's name. Source: GitLab documentation, *Incoming email*."""
_WIFI = r"wifi:(?:[a-oq-z]\w{0,3}:(?:\\.|[^\\;\r\n]){0,100};){0,6}p:(?P<wifi>(?:\\.|[^\\;\r\n]){1,100})"
"""What a QR code for a wireless network holds. Source: ZXing, *Barcode contents*."""
_SCHEME = (
    rf"\b(?:bearer|basic|negotiate)[ ]{{1,3}}{_DENSE}(?P<credential>[A-Za-z0-9._~+/=-]{{16,4000}})"
    r"|authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?\w{1,20}\s{1,3}(?:token=)?[\"']?(?P<authorization>[\w.~+/=-]{8,4000})"
    r"|auth\"\s{0,3}:\s{0,3}\"(?P<login>[\w+/=-]{12,4000})\""
)
_COOKIE = (
    r"cookie[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?P<cookie>[\w.-]{1,80}=[^\s;,\"']{1,4000}"
    r"(?:;\s?[\w.-]{1,80}=[^\s;,\"']{1,4000}){0,40})"
)
_KINDS_OF_KEY = ("api", "access", "account", "secret", "signing", "encryption", "private", "auth", "shared", "master")
_OF_A_KIND = "|".join(f"(?<={kind})|(?<={kind}[_ -])" for kind in _KINDS_OF_KEY)
_IS = (
    "(?:(?:(?:(?:is|was|has been|now) ){0,2}(?:is|was|now|(?:re)?set to|changed to|as follows)|reads|goes like this|"
    "(?:ist|lautet|war|est|es|è|é|to|sarebbe)(?: jetzt| nun| wie folgt| le suivant| la siguiente| la seguente)?)"
    "[ ]{0,2}[:：]?|[-=]?>|[-–—→:])"
)
_END = r"(?:[\r\n]|\Z)"
_PATH = r"(?:~|\.{1,2})?(?:/[\w.~-]{1,80}){2}"
_PASS = (
    r"pass(?:wor[dt](?:_?confirm\w{0,8}|[0-9](?![0-9]))?|wd|phrase|(?<![a-z]pass)(?=[:=]\S|\s=\s\S)|(?<=_pass)(?=:\s)"
    rf"|(?<![a-z]pass)(?<=(?-i:[Pp]ass))(?=:\s{{1,3}}[\"']?{_DENSE}{_MIXED}))"
)
_NO_SENTENCE = (
    r"(?![^\"'\r\n]{0,300}?(?:pass|pwd|kennw|contra|senha|wacht|mot de|parol|secret|token|your|please|must|enter|"
    r"\.[\"']))"
)
"""What a page says about a password is none."""
_DOUBLE, _SINGLE = r"(?:\\[^\r\n]|[^\"\\\r\n])", r"(?:''|[^'\r\n])"
_IN_DOUBLE = rf"(?:{_DENSE_QUOTED}|{_NO_SENTENCE}(?={_DOUBLE}{{0,200}}?[0-9])(?={_DOUBLE}{{0,200}}?[^\W\d_]))"
_IN_SINGLE = rf"(?:{_DENSE_QUOTED}|{_NO_SENTENCE}(?={_SINGLE}{{0,200}}?[0-9])(?={_SINGLE}{{0,200}}?[^\W\d_]))"
_REFERENCE = (
    r"(?:\$[{(]|\$\w{1,60}(?:[\s\"';]|\Z)|\{\{|%[({]|%\w{1,60}%|<%|"
    r"(?:\[[^\]\r\n]{0,80}\]|\([^)\r\n]{0,80}\)|\{[^}\r\n]{0,80}\})(?:[\s,;.\"']|\Z)|[\[({]\s|[\[({]?\Z)"
)
"""What only refers to a value, or is an expression."""
_NAMED = (
    rf"(?:{_PASS}|(?<![a-z])pw|(?<![a-z])clave(?!\s+de\b)|{secret_columns.WORDS}"
    rf"|session(?:id)?(?==)|key_base"
    rf"|(?:{_OF_A_KIND})key)(?:{_ASSIGNED}"
    rf"(?:\"{_IN_DOUBLE}(?P<quoted>{_DOUBLE}{{6,300}})\""
    rf"|'{_IN_SINGLE}(?P<single>{_SINGLE}{{6,300}})'"
    rf"|(?<=>)(?:<!\[CDATA\[)?(?=[^<>\r\n]{{0,200}}?[0-9])(?P<element>[^\s<>]{{6,300}})(?=(?:\]\]>)?</)"
    rf"|(?!{_REFERENCE}|https?:|/\w{{1,40}}/|[\w.]{{1,80}}\()(?:(?:(?<=[:=|]\s)|(?<=[=])(?!\S{{0,300}}?[&;,]\w{{1,40}}=))"
    r"(?=\S{0,200}?[0-9])(?=\S{0,200}?[^\W\d_])"
    rf"(?=\S{{0,200}}?[^\w\s.:/-])(?P<line>[^\s\"'<>]{{6,300}})(?=[ \t]{{0,9}}{_END})"
    rf"|(?:{_DENSE}|{_RANDOM})(?P<bare>[^\s\"'<>&,;]{{8,300}})))"
    rf"|(?:{_FOR}(?=\s{{1,3}}{_IS}\s))?\s{{1,3}}(?:{_IS}\s{{1,3}})?[\"'`]?(?!gitlab|{_PATH})(?:{_DENSE}(?:{_MIXED}|{_CODE})|{_RANDOM})"
    r"(?P<stated>[^\s\"'`<>&,;]{8,300})"
    rf"|\s{{0,2}}(?:は|是)、?\s{{0,3}}{_DENSE}(?P<cjk>[^\s\"'`<>&,;。、]{{6,300}}))"
)
_STATE_WORDS = (
    r"(?:required|optional|mandatory|string|text|str|bytes|none|null|nil|true|false|yes|unknown|hidden|changed|forgotten|"
    r"expired|reset|redacted|removed|invalid|incorrect|wrong|missing|empty|blank|rejected|accepted|pass\w*|authentic\w*|"
    r"policy|protected|error|failed|failure|prompt\w*|disabled|enabled|default|later|secret|varchar\w*|please|enter\w*|"
    r"same|stored|sent|given|shown|unset|encrypt\w*|plain\w*|hash\w*|bcrypt|scram\w*|basic|vault|keychain|environment|"
    r"file|masked|omitted|provided|supplied|updated|unchanged|attached|below|above|nothing|access|kennwort\w*|interactive)"
)
_WORD = rf"(?:[0-9]{{6,20}}|(?!{_STATE_WORDS}\b(?![\w-]))[A-Za-zÀ-ž][\wÀ-ž!@#%^*+~-]{{4,60}})"
_LABELLED = (
    r"(?:passwor[dt]|passwd|passphrase|passcode|kennwort|contraseña|mot de passe|senha|wachtwoord|hasło|heslo|lösenord|"
    r"pwd|(?<![a-z])pw)(?:[\"'\]]{0,3}\s{0,3}(?:=>|[:=])[ \t]{0,3}"
    rf"(?:\"(?P<label_double>{_WORD})\"|'(?P<label_single>{_WORD})'"
    rf"|(?P<digits>[0-9]{{6,20}})(?![\w.:/-])|(?P<label>{_WORD})(?=[ \t]{{0,9}}[.,;]?[ \t]{{0,9}}{_END}))"
    rf"|\s(?:is|lautet|est|es|è)\s[\"'`](?P<said>{_WORD})[\"'`]|(?<=(?-i:[A-Z_]PASSWORD))=(?P<exported>{_WORD})(?=\s))"
)
"""A password that is but a word or digits, behind its label, where it ends its line or is in quotes."""
_NESTED = (
    r"(?:passwor[dt]s?|passwd|passphrase|kennwort|pwd|(?<![a-z])pw|(?<=_)pass|token|secret(?:_key)?|api_?key)"
    r"[\"'\]]{0,3}"
    r"(?:[ \t]{0,3}:[ \t]{0,3}(?:[|>][+-]?[ \t]{0,3})?\r?\n[ \t]{1,40}"
    r"(?:-[ \t]{1,3}|(?:value|default)[\"']?:[ \t]{1,3})?"
    rf"[\"']?(?!{_REFERENCE}){_DENSE}(?P<indented>[^\s\"'<>]{{6,300}})(?<!:)(?=[\"']?[ \t]{{0,9}}{_END})"
    r"|\s{0,3}:\s{0,5}\{\s{0,20}\"(?:value|default)\"\s{0,3}:\s{0,3}\"(?!\$\{)(?P<object>[^\"\r\n]{4,300})\""
    r"|\s{0,3},\s{0,20}\"value\"\s{0,3}:\s{0,3}\"(?!\$\{)(?P<pair>[^\"\r\n]{4,300})\""
    r"|>\s{0,20}<value>(?P<inner>[^<>\r\n]{4,300})<"
    r"|\s{0,3}(?:=>|[:=])\s{0,3}(?:\$\(cat\s{1,3})?(?:<<[~-]?[\"']?\w{1,20}[\"']?(?:\.\w{1,10})?|\"\"\")[ \t]{0,3}\r?\n"
    r"[ \t]{0,20}(?P<here>\S[^\r\n]{3,200}))"
)
"""A value that stands below its name: in YAML, JSON, XML, or a document of the shell."""
_PHRASE = (
    r"(?:(?<=[\w-][ _-])(?:pass(?:wor[dt]|wd|phrase)?|pwd|secret|token)[\"'\]]{0,3}\s{0,3}(?:=>|[:=])\s{0,3}"
    r"|pass(?:wor[dt]|wd|phrase)?[\"'\]]{0,3}\s{0,3}=>?\s{0,3})"
    rf"(?:\"{_NO_SENTENCE}(?P<words>[^\s\"]{{1,60}}(?: [^\s\"]{{1,60}}){{1,12}})\""
    rf"|'{_NO_SENTENCE}(?P<words_single>[^\s']{{1,60}}(?: [^\s']{{1,60}}){{1,12}})')"
)
"""A password of several words, in quotes, where the name is a configuration's; else it may be a label's translation."""
_BLOCK = (
    r"(?:variable|output)\s{1,3}\"[\w-]{0,60}(?:pass|pwd|secret|token|key)[\w-]{0,30}\"\s{0,3}\{[^{}]{0,400}?"
    r"\b(?:default|value)\s{0,9}=\s{0,9}(?:\"(?!\$\{)(?P<declared>[^\"\r\n]{4,300})\""
    r"|<<-?\w{1,20}\s{1,20}(?P<document_of>\S[^\r\n]{3,300}))"
)
"""Source: Terraform, *Input variables* and *Output values*."""
_PRINTED = (
    r"(?>(?:kubectl|oc)\s(?:[^\r\n]{0,200}?\s)?get\s{1,3}secrets?\b[^\r\n]{0,300}?(?:jsonpath|go-template|base64)"
    r"|vault\s{1,3}(?:kv\s{1,3}get|read)\s[^\r\n]{0,100}?-field|secretsmanager\s{1,3}get-secret-value"
    r"|ssm\s{1,3}get-parameter|secrets\s{1,3}versions\s{1,3}access|keyvault\s{1,3}secret\s{1,3}show|op\s{1,3}read\s"
    r"|(?:cat|less|head)\s[^\r\n]{0,200}?(?:/run/secrets/|pass(?:wor[dt]|wd)|secret|token)|gopass\s{1,3}show|bw\s{1,3}get\s)"
    r"[^\r\n]{0,400}\r?\n\s{0,9}(?!/|https?:)(?P<printed>\S{6,4000})(?<!:)(?=[ \t]{0,9}(?:[\r\n]|\Z)|(?<=[$#%>])\s)"
)
"""What a command prints that shows a secret: one word on the next line, perhaps with the next prompt behind it."""
_SPEAKER = r"(?:\[[^\]\r\n]{1,30}\]\s{0,3})?(?:[^\r\n:]{1,30}:|[-*>])\s{1,3}"
_FILLER = r"(?:(?:yes|yeah|sure|ok|ja|it|its|it's|is|try|use|here|you|go|a|the|es|ist)\b[:,.]?\s{1,3})"
_ASKED = (
    r"(?:passwor[dt]|passwd|passphrase|(?<![a-z])pw|pwd|kennwort|token|secret)s?\b[^\r\n?]{0,80}"
    rf"(?:\?\s{{1,9}}(?:{_SPEAKER})?{_FILLER}{{0,4}}|\s{{0,3}}\r?\n\s{{0,9}}{_SPEAKER}{_FILLER}{{1,4}})[\"'`*]?"
    rf"(?!gitlab|https?:){_DENSE}{_MIXED}(?P<answer>[\w!@#$%^&*+=.~-]{{8,200}})"
)
"""What answers a question for one in the next line, or behind the question mark."""
_LINE = r"(?:[^\r\n;]|\\\r?\n){0,200}?"
"""The rest of a command, over the ends of lines that it goes on after."""
_OPTION = (
    r"(?:--[a-z][\w-]{0,40}?(?:password|passwd|passphrase|secret|token|key)[ ]{1,3}"
    rf"|(?:sshpass|redis-cli|ldap[a-z]{{3,10}}|login|rdesktop|psexec)\s(?:{_LINE}\s)??-[paw]\s?"
    rf"|(?:mysql|mariadb)[\w-]{{0,12}}\s(?:{_LINE}\s)??-p)"
    rf"(?:\"{_DENSE_QUOTED}(?P<double>[^\"\r\n]{{6,100}})|'{_DENSE_QUOTED}(?P<plain>[^'\r\n]{{6,100}})"
    rf"|{_DENSE}(?P<option>[^\s\"'<>,;/][^\s\"'<>,;]{{5,300}}))"
    rf"|(?:(?<![\w-])-(?:u|-(?:proxy-)?user|-auth)|(?:https?|xhs?|httpie)\s(?:{_LINE}\s)??-a"
    rf"|curl\s(?:{_LINE}\s)??-\w{{1,5}}u)[ =]{{0,3}}[\"']?"
    rf"[^\s:\"'/]{{1,100}}:{_DENSE}(?P<user>[^\s\"'/]{{4,200}})"
    rf"|(?:smbclient|rpcclient|winexe)\s(?:{_LINE}\s)??(?:-U|--user)[ =]{{0,3}}[\"']?"
    rf"[^\s\"'%]{{1,100}}%{_DENSE}(?P<samba>[^\s\"']{{4,200}})"
    rf"|(?<=[\s\"'])/(?:p:|user:\S{{1,100}}\s{{1,3}})[\"']?(?!\w{{1,60}}=){_DENSE}"
    r"(?P<windows>[^\s\"'/\\][^\s\"']{5,200})"
    r"|net use (?:[^\r\n]{0,200}? )??(?:\"(?P<quoted_share>[^\"\r\n]{6,100})\""
    rf"|(?!https?:){_DENSE}(?P<share>[^\s\"'/\\][^\s\"'\\]{{5,200}})) {{1,3}}/user:"
    rf"|net user \S{{1,60}} {{1,3}}{_DENSE}(?P<account>[^\s\"'/*][^\s\"']{{5,200}})"
)
"""Options with a secret, by their names or of these programs; of `mysql` a word behind a blank is the database.

Source: the options of curl, HTTPie, smbclient, FreeRDP, Windows' `net` and GitLab Runner.
"""
_ASKS = (
    r"(?:sudo\s(?:[^\r\n|]{0,80}?\s)??(?:(?-i:-\w{0,9}S)|--stdin)\b"
    r"|[^\r\n|]{0,200}?\s--?(?:password-stdin|passphrase-fd|with-token|stdin)\b"
    r"|(?:sudo\s{1,3})?(?<![/\w.-])(?:(?:ch)?passwd(?![\w.-])(?!\s-(?-i:S))|kinit\b|su\s|cryptsetup\b))"
)
"""A command that reads a secret from its input."""
_FED_VALUE = (
    r"(?:'(?P<{0}_quoted>[^'\r\n]{{4,200}})'|\"(?!\$)(?P<{0}_double>[^\"\r\n]{{4,200}})\""
    r"|(?![$\s\"'-])(?P<{0}>[^\r\n|<\"']{{4,200}}?))"
)
_FED = (
    r"(?:(?:echo|printf)\s{1,3}(?:-\w{1,5}\s{1,3}|[\"']?%s(?:\\n)?[\"']?\s{1,3}){0,3}|cat\s{1,3}<<<\s{0,3})"
    rf"{_FED_VALUE.format('piped')}\s{{0,3}}\|\s{{0,3}}{_ASKS}"
    rf"|{_ASKS}[^\r\n|<]{{0,100}}<<<\s{{0,3}}{_FED_VALUE.format('fed')}(?=\s|\Z)"
    rf"|{_ASKS}[^\r\n|<]{{0,100}}<<-?[\"']?\w{{1,20}}[\"']?[ ]{{0,3}}\r?\n(?P<document>[^\r\n]{{4,200}})"
)
"""What a shell writes to such a command."""
_SMTP = (
    r"(?:(?-i:UGFzc3dvcmQ6)\s{1,5}(?:->|C:)?\s{0,3}(?P<encoded>[A-Za-z0-9+/=]{4,200})(?=\s|\Z)"
    r"|auth plain\s{1,3}(?P<encoded_both>[A-Za-z0-9+/=]{8,400})(?=\s|\Z))"
)
"""What answers a mail server's *Password:*. Source: RFC 4954, and the LOGIN mechanism as servers speak it."""
_STATEMENT = (
    r"(?:(?:(?:create|alter)\suser|grant)\s[^;]{0,300}?identified\s{1,3}(?:with\s{1,3}\S{1,60}\s{1,3})?by\s{1,3}"
    r"|(?:requirepass|bindpw|rootpw|masterauth)[\"'\]]{0,3}(?:\s{0,3}[:=])?\s{1,3})[\"']?"
    rf"(?![${{]){_DENSE}(?P<set>[^\s\"';]{{6,200}})"
)
"""Source: the statements of MySQL and Oracle; the configuration of Redis and OpenLDAP."""
_MARK = "[\"'`*]{0,2}"
_LOGIN = (
    r"(?:(?<![a-z])login\s?[:=]|(?:credentials?|creds|(?:login|access) data|zugangsdaten|"
    r"anmeldedaten|identifiants|credenciales|credenziali)"
    rf"(?: \([^()\r\n]{{1,30}}\)|{_FOR})?(?: are| sind)?[ ]?[:=]?)\s{{1,3}}"
    rf"{_MARK}[\w.@\\-]{{2,60}}{_MARK}(?:\s/\s|:){_MARK}{_DENSE}(?P<with_name>[^\s\"'`*<>&,;/][^\s\"'`*<>&,;]{{5,200}})"
    rf"|(?<![a-z])login\s{{1,3}}[\w.@-]{{2,60}}:{_DENSE}{_MIXED}(?P<in_one>[^\s\"'<>&,;/][^\s\"'<>&,;]{{5,200}})"
    r"|(?<![a-z])(?:user(?:[ _]?name)?|login|benutzer(?:name)?|utilisateur|usuario|utente|gebruiker)"
    rf"(?:(?:\s?[:=]\s{{0,3}}|\s){_MARK}[^\s:=,;]{{1,60}}[\s,;/|]{{1,5}}pass(?:\s?[:=]\s{{0,3}}|\s{{1,3}}(?={_MARK}{_DENSE}{_MIXED}))"
    rf"|\s?/\s?pass(?:word)?\s?[:=]?\s{{1,3}}{_MARK}[^\s/]{{1,60}}\s?/\s?)"
    rf"{_MARK}{_DENSE}(?P<next>[^\s\"'`*<>&,;/][^\s\"'`*<>&,;]{{5,200}})"
    r"|(?<![a-z])(?:user(?:[ _]?name)?|login|"
    r"benutzer(?:name)?)\s?[:=]\s{0,3}\S{1,60}[ \t]{0,9}\r?\n\s{0,9}pass(?:wor[dt])?"
    rf"\s?[:=]\s{{0,3}}(?!{secret_columns.PLACEHOLDER}\b)(?P<below>[^\s\"'<>()]{{6,200}})(?=[ \t]{{0,9}}{_END})"
    r"|(?<![^\r\n])(?:user(?:[ _]?name)?|login|"
    r"benutzer(?:name)?)(?P<mark>[,;])[^\s,;]{1,60}\r?\npass(?:wor[dt])?(?P=mark)"
    rf"{_DENSE}(?P<transposed>[^\s\"'<>&,;]{{6,200}})(?=[ \t]{{0,9}}{_END})"
    r"|machine\s{1,9}(?:localhost|[^\s:.]{1,60}\.[^\s:]{1,200})\s{1,9}login\s{1,9}[^\s:]{1,100}\s{1,9}password\s{1,9}(?P<netrc>\S{4,200})"
)
"""A name and a password in one, or one after the other. Source: curl and GNU Inetutils, *.netrc*."""
_RECOVERY_CODE = "(?:[0-9a-f]{16}|(?=[0-9-]{0,10}[a-f])[0-9a-f]{5}-[0-9a-f]{5})"
_RECOVERY = (
    r"(?:recovery|backup|wiederherstellungs)[ _-]?codes?\b[\s\S]{0,120}?(?<![0-9a-z])"
    rf"(?P<codes>{_RECOVERY_CODE}(?:[\s,;*>\"'`-]{{1,8}}(?:[0-9]{{1,2}}[.)]\s{{1,3}})?{_RECOVERY_CODE}){{1,20}})\b"
)
"""What stands in for a second factor. Source: GitLab and GitHub, *two-factor authentication*."""
_FORMS = tuple(
    (word, marker, form)
    for word, markers, form in (
        *(
            ("[token]", (start,), rf"(?<!\w){re.escape(start)}{rest}")
            for starts, rest in map(str.split, _VENDORS.strip().splitlines())
            for start in starts.split("|")
        ),
        ("[token]", (":aa",), r"(?<=[0-9]{8}):(?-i:AA)[\w-]{30,60}"),  # Telegram
        ("[token]", ("q~",), r"(?<=\w[78])Q~[\w.~-]{31,40}"),  # Microsoft Entra ID
        ("[token]", ("akia",), r"AKIA[A-Z0-9]{16}[^A-Za-z0-9+]{1,20}(?P<amazon>[\w/+]{40})(?![\w/+])"),
        ("[private key]", ("-----begin ", "putty-user-key"), _KEY),
        ("[password]", (":/",), _ADDRESS),
        ("[hash]", ("$1$", "$5$", "$6$", "$y$", "$2a$", "$2b$", "$2y$", "$apr1$", "$argon2"), _HASH),
        ("[webhook]", ("hook",), _HOOK),
        ("[webhook]", ("hooks",), _OF_VENDORS),
        ("[secret]", ("ugfzc3dvcmq6", "auth plain "), _SMTP),
        ("[webhook]", ("hooks.zapier.",), _ZAPIER),
        ("[token]", ("+",), _MAIL_ADDRESS),
        ("[secret]", ("wifi:",), _WIFI),
        ("[signature]", ("sig=", "signature="), _SIGNED),
        ("[credential]", ("bearer ", "basic ", "negotiate ", "authorization", 'auth"'), _SCHEME),
        ("[cookie]", ("cookie",), _COOKIE),
        ("[secret]", (*secret_columns.NAMES, "session", "key"), _NAMED),
        ("[secret]", ("pass", "pwd", "secret", "token"), _PHRASE),
        (
            "[secret]",
            tuple(word for word in secret_columns.NAMES if word not in ("secret", "token", "clave")),
            _LABELLED,
        ),
        ("[secret]", ('variable "', 'output "'), _BLOCK),
        ("[secret]", ("pass", "pwd", "pw", "kennwort", "token", "secret", "api"), _NESTED),
        ("[secret]", ("pass", "pw", "kennwort", "token", "secret"), _ASKED),
        (
            "[secret]",
            (
                *("kubectl ", "oc ", "vault ", "secretsmanager ", "ssm ", "secrets versions", "keyvault ", "op read"),
                *("cat ", "less ", "head ", "gopass ", "bw get"),
            ),
            _PRINTED,
        ),
        (
            "[secret]",
            (
                *("--", "-u", "http ", "https ", "xh ", "xhs ", "httpie ", "curl ", "/p:", "/user:", "net use"),
                *("sshpass", "redis-cli", "ldap", "login", "mysql", "mariadb", "rdesktop", "psexec", "net user"),
                *("smbclient", "rpcclient", "winexe"),
            ),
            _OPTION,
        ),
        (
            "[secret]",
            ("echo ", "printf ", "cat <<<", "sudo ", "docker ", "chpasswd", "passwd ", "kinit"),
            _FED,
        ),
        (
            "[secret]",
            ("create user", "alter user", "grant ", "requirepass", "bindpw", "rootpw", "masterauth"),
            _STATEMENT,
        ),
        (
            "[secret]",
            (
                *(
                    "credential",
                    "creds",
                    "access data",
                    "zugangsdaten",
                    "anmeldedaten",
                    "identifiants",
                    "credenciales",
                    "credenziali",
                    "login",
                ),
                *("user", "benutzer", "utilisateur", "usuario", "utente", "gebruiker", "machine"),
            ),
            _LOGIN,
        ),
        ("[recovery codes]", ("recovery", "backup", "wiederherstellungs"), _RECOVERY),
    )
    for marker in markers
)
"""The word for each form, a word that it begins with, in lower case, and the form, which few texts need compiled."""
_compiled = cache(partial(re.compile, flags=re.I))


def compile_all() -> None:
    """Compile every form, in a process that forks: those of it need not."""
    for _, _, form in _FORMS:
        _compiled(form)


def lower_case(text: str) -> str:
    """A text in lower case, in which every character keeps its place."""
    return text.replace("\u0130", "I").lower()  # the one letter that is longer in lower case


def spans(text: str) -> Iterator[tuple[int, int, str]]:
    """From where to where a secret stands in a text, and the word for it."""
    lower = lower_case(text)
    for word, marker, form in [one for one in _FORMS if one[1] in lower]:
        end = 0
        while (at := lower.find(marker, end)) >= 0:
            found = _compiled(form).match(text, at)
            end = at + len(marker)
            if found:
                yield *found.span(found.lastgroup or 0), word
                end = max(end, found.end())
    yield from secret_columns.spans(text, lower)
    for token in _TOKEN.finditer(text):
        prefix = _PREFIX.search(text[max(0, token.start() - _PREFIX_CHARS) : token.start()])
        if prefix and len(_DIGITS.findall(token[0])) > 1:
            yield token.start() + 1, token.end(), "[token]"
