/** What the page does outside its own window: the ring tone and the desktop notifications, in one tab only. */

import { noticesFor, toneFor } from "./attention";
import { Bell } from "./bell";
import { Board } from "./board";
import type { Model } from "./model";
import { ringingCards } from "./model";
import type { NoticeState, Preferences, SoundState } from "./preferences";
import type { Strings } from "./strings";
import { Turn } from "./turn";

export class Outside {
  private readonly bell = new Bell();
  private readonly board: Board;
  private readonly bellTurn: Turn;
  private readonly boardTurn: Turn;

  /** `open` shows a call, `again` is called when this tab's turn has come: attend once more. */
  constructor(open: (callId: string) => void, again: () => void) {
    this.board = new Board(open);
    this.bellTurn = new Turn("cti-bridge.bell", again);
    this.boardTurn = new Turn("cti-bridge.board", again);
  }

  /** Make everything outside the window as it should be now. */
  attend(model: Model, t: Strings, preferences: Preferences): void {
    const inside = model.phase === "signed_in";
    this.bellTurn.want(inside && this.bell.state(preferences.sound) === "on");
    this.boardTurn.want(inside && this.board.state(preferences.notices) === "on");
    this.bell.set(this.bellTurn.mine ? toneFor(model) : "none");
    const calls = ringingCards(model).map(({ call }) => call.id);
    this.board.show(this.boardTurn.mine ? noticesFor(model, t, preferences.named) : [], calls);
  }

  sound(preferences: Preferences): SoundState {
    return this.bell.state(preferences.sound);
  }

  notices(preferences: Preferences): NoticeState {
    return this.board.state(preferences.notices);
  }

  testSound(): void {
    this.bell.test();
  }

  /** Ask whether notifications may be shown; only on a click. */
  askForNotices(): Promise<boolean> {
    return this.board.ask();
  }
}
