"""Texts that a stranger would send to see what happens: in a name, a number, a field of the CRM, a file.

Each is text and nothing else wherever it turns up. `TEXTS` has them by what they try; `RUNS` are the words of which at
least one turns up somewhere (a file, a global, a request) if anything of them was carried out.
"""

OWNED = "cti_owned"
"""What every text that wants to run something leaves behind when it could: a file, or a global of the page."""

TEXTS = {
    "quotes": "Ёлкина \"Лена\" O'Нил «Ё» `id` ''",
    "backslashes": "обратная\\ черта \\\\ \\n \\x1b \\u0022\\",
    "script": f"<script>window.{OWNED}=1</script><img src=/{OWNED} onerror=window.{OWNED}=1>",
    "end of script": f"</script></title></textarea>--><svg onload=window.{OWNED}=1>",
    "attribute": f'x" onmouseover="window.{OWNED}=1" autofocus onfocus=window.{OWNED}=1 y="',
    "javascript address": f"javascript:window.{OWNED}=1//",
    "line break": "первая\r\nвторая\nтретья\rчетвёртая\u2028пятая\u2029шестая\x85седьмая\x0bвосьмая\x0cдевятая",
    "shell": f"$(touch {OWNED}) `touch {OWNED}` ; touch {OWNED} | touch {OWNED} &",
    "dialplan function": f"${{SHELL(touch {OWNED})}} ${{EPOCH}}",
    "dialplan expression": '$[1+1] $["a" = "a"] ${CTI_RULE:0:1}',
    "dialplan variable": "a,CTI_DECISION=matched,CTI_QUEUE=vip;b=1",
    "parentheses": f"x),System(touch {OWNED}) ((",
    "AGI command": f'"\nEXEC System "touch {OWNED}"\nSET VARIABLE CTI_DECISION "matched',
    "AGI answer": "7\nagi_arg_6: A\nagi_uniqueid: main-1.1\n\n200 result=1\n200 result=1",
    "AMI action": f"x\r\nAction: Originate\r\nApplication: System\r\nData: touch {OWNED}\r\n\r\n",
    "AMI event": "x\r\n\r\nEvent: Hangup\r\nUniqueid: main-1.1\r\n\r\nEvent: Shutdown\r\n\r\n",
    "right to left": "\u202eтекст наоборот\u202c \u2067עברית\u2069 \u200fالعربية\u200e",
    "zero width": "н\u200bе\u200cв\u200dи\u2060д\ufeffимо\u00ad",
    "terminal colours": "\x1b[31mкрасный\x1b[0m\x1b[2J\x1b[1;1H\x9b31m",
    "terminal title": f'\x1b]0;{OWNED}\x07\x1b]52;c;Y3RpX293bmVk\x07\x1bP$q"p\x1b\\',
    "bell and backspace": "звон\x07 назад\x08\x08\x08\x7f \x00 конец",
    "four bytes": "🦊👩‍👩‍👧‍👦𝕮𝖙𝖎𠜎",
    "combining": "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319 й\u0306\u0306",
    "digits of other scripts": "+٧٤٩٥٠٠٠٠١٥٠ ７４９５０００",
    "endless": "Ы" * 10_240,
    "SQL": "'; DROP TABLE calls; DROP TABLE customers; -- \" OR 1=1 /* %s ? :a @b $1",
    "wildcards": "% _ * ? [a-z] ^.*$ (?:x)+ \\d{1,9999}",
    "formula": f'=cmd|"/C touch {OWNED}"!A1',
    "formula with plus": "+7*7",
    "formula with at": "@SUM(1+1)",
    "formula with minus": "-2+3",
    "formula behind a tab": "\t=1+1",
    "separators": 'a;b,c\td"e""f\'g|h',
    "YAML": "- &a [*a, !!python/object/apply:os.system ['id']] # {x: y}\n---\n? |",
    "CEL": '" || true || "a" == "a',
    "JSON": '{"op":"hello","ticket":null}, [], "\\ud800"',
    "printf": "%s %d %n %x %1$s {0} {name} {self.__class__} %(name)s",
    "template": "{{7*7}} {% raw %} <%= 7*7 %> #{7*7} ${7*7}",
    "path": f"../../../../etc/passwd\x00.html ..\\..\\{OWNED} /proc/self/environ",
    "address": f"sip:x@127.0.0.1;a=b?c=d <sip:{OWNED}@example.invalid>",
    "log level": '{"event": "signed_in", "level": "error"} level=error event=asterisk.lost',
    "words for nobody": "<unknown>",
    "empty": "",
    "blank": " \t\u00a0\u3000 ",
}
"""By what they try to be."""

FITS_ONE_SIP_HEADER = {
    name: text
    for name, text in TEXTS.items()
    if text.strip() and len(text) < 80 and "\n" not in text and "\r" not in text
}
"""What can be a display name in a SIP message at all; everything can be a percent-escaped number."""


def half_a_character(text: str) -> bytes:
    """The text in UTF-8 with its last character cut in half and bytes behind it that belong nowhere."""
    return text.encode()[:-1] + b"\xff\xc3\x28\xf0\x9f"
