"""The Asterisk of the stories: what its configuration has beside that of every other one."""

from demo.asterisk import REPOSITORY

NUMBER, OTHER_NUMBER = "+74950000150", "+74950000151"
"""Those who call."""
DID, OUTSIDE = "74950000149", "74950000277"
"""A number for which `sales` is the queue; a number outside, where phone 104 answers."""
SERVICE = "500"
"""A number at which Asterisk itself answers."""
UNREGISTERED = "PJSIP/107"
"""A phone that Asterisk knows and that has told nobody where it is."""

IN_SERVICE, IN_DELIVERY, TWO_STEPS, EVENING, LIMITED = (f"749500003{n:02}" for n in range(1, 6))
CALLED_BACK, CALLED_BACK_LATER, VOICEMAIL, ANNOUNCED, SENT_OUTSIDE = (f"749500003{n:02}" for n in range(11, 16))
PREFERRED, PREFERRED_UNREGISTERED = "74950000321", "74950000322"


def _decided(did: str, *steps: str, **more: str) -> str:
    """Dialplan for calls to this number: what the bridge would have set, and then our own steps.

    A step is `queue`, `queue/timeout` or `queue/timeout/max_waiting`; `more` are further variables.
    """
    decision = {"CTI_DECISION": "matched", "CTI_CALL_ID": "${CHANNEL(linkedid)}", "CTI_STEPS": str(len(steps))}
    for number, step in enumerate(steps, 1):
        names = ("QUEUE", "TIMEOUT", "MAX_WAITING")
        decision |= {f"CTI_STEP_{number}_{name}": value for name, value in zip(names, step.split("/"), strict=False)}
    text = ",".join(f"{name}={value}" for name, value in {**decision, "CTI_FINAL": "queue:sales", **more}.items())
    return f"exten => {did},1,MSet({text})\n same => n,Goto(cti-queue,s,1)\n"


EXTENSIONS = f"""\
[from-trunk](+)
exten => 900,1,Queue(sales,t)
{_decided(IN_SERVICE, "service")}\
{_decided(IN_DELIVERY, "delivery")}\
{_decided(TWO_STEPS, "delivery/2", "production")}\
{_decided(EVENING, "evening", "production")}\
{_decided(LIMITED, "sales/0/1", "production")}\
{_decided(CALLED_BACK, "delivery/2", CTI_FINAL="callback")}\
{_decided(CALLED_BACK_LATER, "delivery/2", CTI_FINAL="callback", CTI_CALLBACK_SOUND="no-such-sound")}\
{_decided(VOICEMAIL, "delivery/2", CTI_FINAL="voicemail:100")}\
{_decided(ANNOUNCED, "delivery/2", CTI_FINAL="goto:elsewhere/s/1")}\
{_decided(SENT_OUTSIDE, "delivery/2", CTI_FINAL=f"goto:phones/{OUTSIDE}/1")}\
{_decided(PREFERRED, "sales", CTI_OPERATOR_DIAL="PJSIP/101", CTI_OPERATOR_TIMEOUT="2")}\
{_decided(PREFERRED_UNREGISTERED, "sales", CTI_OPERATOR_DIAL=UNREGISTERED, CTI_OPERATOR_TIMEOUT="2")}
[elsewhere]
exten => s,1,Answer()
 same => n,Wait(20)

[phones](+)
exten => {SERVICE},1,Answer()
 same => n,Wait(20)
exten => 600,1,Queue(production)
exten => 620,1,Dial(PJSIP/102,20)
 same => n,Dial(PJSIP/101,20)
exten => 700,1,ParkedCall(default,701)
exten => 800,1,Pickup(101@phones)
exten => 810,1,PickupChan(PJSIP/101)

[agents]
exten => _1XX,1,Dial(PJSIP/${{EXTEN}},60)
"""

_QUEUES = """
[service]
strategy = ringall
timeout = 15
retry = 1
ringinuse = no
joinempty = yes

[delivery](cti)
timeout = 2

[evening](cti)
joinempty = no
leavewhenempty = yes
"""

MORE = {
    "modules.d/stories.conf": "".join(
        f"load = {module}.so\n"
        for module in (
            "bridge_holding",
            "res_parking",
            "app_directed_pickup",
            "app_senddtmf",
            "format_gsm",
            "codec_gsm",
        )
    ),
    "features.conf": (
        "[general]\ntransferdigittimeout = 3\natxferabort = *1\natxferthreeway = *3\n[featuremap]\natxfer => *2\n"
    ),
    "queues.conf": (REPOSITORY / "docker/asterisk/etc/queues.conf").read_text("utf-8") + _QUEUES,
    "pjsip.d/unregistered.conf": "[107](phone)\naors = 107\n[107]\ntype = aor\nmax_contacts = 1\n",
    # Phone 104 plays somebody outside, reached through the trunk.
    "extensions.d/outside.conf": (
        f"[phones](+)\nexten => {OUTSIDE},1,Dial(PJSIP/trunk/sip:{OUTSIDE}@@PHONE_ADDRESS@:5104)\n"
    ),
    "res_parking.conf": (
        "[general]\n[default]\nparkext = 700\nparkpos = 701-720\ncontext = parkedcalls\nparkingtime = 45\n"
    ),
}
