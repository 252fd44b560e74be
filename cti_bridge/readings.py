"""The figures of the daemon's parts at /metrics: what each is called, what it means, and who has it."""

from cti_bridge import log as log_module
from cti_bridge.calls.journal import Journal
from cti_bridge.metrics import Reading, Readings
from cti_bridge.pbx_side import PbxSide
from cti_bridge.reception.arrival import Reception
from cti_bridge.reception.histories import Histories
from cti_bridge.reception.rule_file import RuleFile
from cti_bridge.reception.switchboard import Switchboard


def readings(
    *,
    pbx: PbxSide,
    journal: Journal,
    switchboard: Switchboard,
    reception: Reception,
    histories: Histories,
    rules: RuleFile,
    turned_away: Reading,
) -> Readings:
    """All of them; a part that counts something new has it shown here."""
    return Readings(
        counters={
            "cti_ami_events": ("Events received from AMI.", lambda: pbx.ami.events),
            "cti_ami_sessions": ("AMI sessions that came up.", lambda: pbx.ami.sessions),
            "cti_ami_overflows": ("Events lost to a full inbox.", lambda: pbx.ami.overflows),
            "cti_refusals": ("Refusals that Asterisk was told of.", lambda: pbx.exclusions.told),
            "cti_refusals_lost": ("Refusals that it could not be told of.", lambda: pbx.exclusions.lost),
            "cti_callers_put_first": ("Overtaken callers put first.", lambda: pbx.fairness.put_first),
            "cti_callers_not_put_first": ("Attempts at that which failed.", lambda: pbx.fairness.not_put_first),
            "cti_waiting_dropped": ("Waiting callers forgotten.", lambda: switchboard.overtaking.dropped),
            "cti_agi_requests": ("Questions by the dialplan.", lambda: pbx.agi.requests),
            "cti_agi_refused": ("FastAGI peers sent away.", lambda: pbx.agi.refused),
            "cti_agi_broken": ("FastAGI conversations that broke.", lambda: pbx.agi.broken),
            "cti_ari_requests": ("Questions through Stasis.", lambda: pbx.stasis_counts.requests),
            "cti_ari_late": ("Callers gone before the answer.", lambda: pbx.stasis_counts.late),
            "cti_ari_broken": ("Stasis conversations that broke.", lambda: pbx.stasis_counts.broken),
            "cti_ari_sessions": ("ARI sessions that came up.", lambda: pbx.stasis_counts.sessions),
            "cti_ari_overflows": ("Callers lost to a full inbox.", lambda: pbx.stasis_counts.overflows),
            "cti_recording_lost": ("Messages missing in recordings.", lambda: pbx.tap.lost),
            "cti_records_found": ("Events found in Asterisk's records.", lambda: pbx.healing.found),
            "cti_records_bad_lines": ("Lines of them not understood.", lambda: pbx.healing.bad_lines),
            "cti_journal_written": ("Call states written.", lambda: journal.written),
            "cti_journal_dropped": ("Call states lost.", lambda: journal.dropped),
            "cti_calls_dropped": ("Live calls given up.", lambda: switchboard.book.dropped),
            "cti_recordings_dropped": ("Recordings given up.", lambda: switchboard.book.recordings_dropped),
            "cti_cards_dropped": ("Decided callers forgotten.", lambda: switchboard.dossiers.dropped),
            "cti_channels_dropped": ("Channels forgotten.", lambda: switchboard.channels_dropped),
            "cti_unowned_rings": ("Rings at nobody's phone.", lambda: switchboard.unowned_rings),
            "cti_fetches_refused": ("Cards without history.", lambda: switchboard.fetches.refused),
            "cti_history_late": ("Callers whose history was not known in time.", lambda: histories.late),
            "cti_expression_errors": ("CEL errors in rules.", lambda: reception.expression_errors),
            "cti_web_turned_away": ("Connections closed at the door.", turned_away),
            "cti_log_lines_lost": ("Log lines that nobody took.", lambda: log_module.DRAIN.lost),
            "cti_rules_accepted": ("Rule files accepted.", lambda: rules.reloads),
            "cti_rules_refused": ("Rule files refused.", lambda: rules.refused),
        },
        gauges={
            "cti_live_calls": ("Calls going on.", lambda: len(switchboard.book)),
            "cti_overtaken_callers": ("Callers waiting overtaken.", lambda: pbx.fairness.overtaken),
            "cti_overtaken_seconds": ("Longest of them.", lambda: pbx.fairness.longest_s),
            "cti_ami_waiting": ("Events not taken in yet.", lambda: pbx.ami.waiting),
            "cti_rules_refused_now": ("1 while the rule file is refused.", lambda: rules.refused_now),
            "cti_journal_waiting": ("Call states not on disk.", lambda: journal.waiting),
        },
    )
