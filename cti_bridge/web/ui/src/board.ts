/** Desktop notifications: puts up those that should stand, takes down those that should not. */

import type { Notice } from "./attention";
import type { NoticeState } from "./preferences";

export class Board {
  /** By call. What somebody waved away stays here as null until its call is over, so that it does not come back. */
  private readonly standing = new Map<string, Notification | null>();
  private broken = false;

  /** `open` is called with the call whose notification was clicked. */
  constructor(private readonly open: (callId: string) => void) {}

  state(wanted: boolean): NoticeState {
    if (this.broken || !("Notification" in window) || !isSecureContext) return "unsupported";
    if (Notification.permission === "denied") return "denied";
    return wanted && Notification.permission === "granted" ? "on" : "off";
  }

  /** Ask the browser's question. Only on a click: a question that comes by itself is refused for good. */
  async ask(): Promise<boolean> {
    if (this.state(true) === "unsupported") return false;
    return (await Notification.requestPermission()) === "granted";
  }

  /** Let exactly these stand; `ringing` are the calls that are not over, also while nothing may be shown of them. */
  show(notices: readonly Notice[], ringing: readonly string[]): void {
    for (const [callId, shown] of this.standing) {
      if (notices.some((notice) => notice.callId === callId)) continue;
      if (shown === null && ringing.includes(callId)) continue;
      this.standing.delete(callId);
      shown?.close();
    }
    for (const notice of notices) if (!this.standing.has(notice.callId)) this.put(notice);
  }

  private put(notice: Notice): void {
    const { callId, title, body } = notice;
    try {
      // The bell is the sound of this page; the notification stays as long as the phone rings.
      const shown = new Notification(title, { body, tag: callId, silent: true, requireInteraction: true });
      this.standing.set(callId, shown);
      shown.onclick = () => {
        window.focus();
        this.open(callId);
        shown.close();
      };
      shown.onclose = () => {
        // The browser tells late: another one may stand for this call by now.
        if (this.standing.get(callId) === shown) this.standing.set(callId, null);
      };
    } catch {
      this.broken = true; // phones know notifications only from service workers
    }
  }
}
