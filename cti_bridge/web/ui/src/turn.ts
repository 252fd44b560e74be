/**
 * One of several tabs does it: whoever asked first has the turn, and the next gets it when that tab is closed or no longer wants.
 *
 * The browser's own locks keep the order. A page without them (opened over plain http from another machine) is alone.
 */

export class Turn {
  private asked: AbortController | null = null;
  private letGo: (() => void) | null = null;

  /** `name` is shared by the tabs; `changed` is called when the turn comes. */
  constructor(
    private readonly name: string,
    private readonly changed: () => void,
  ) {}

  get mine(): boolean {
    return this.letGo !== null;
  }

  /** Wish for the turn, or give it back; saying the same again changes nothing. */
  want(wanted: boolean): void {
    if (wanted && this.asked === null) this.ask();
    if (!wanted && this.asked !== null) {
      this.asked.abort();
      this.asked = null;
      this.letGo?.();
      this.letGo = null;
    }
  }

  private ask(): void {
    const asked = new AbortController();
    this.asked = asked;
    if (!("locks" in navigator)) {
      this.letGo = () => undefined;
      return;
    }
    const hold = (): Promise<void> | undefined => {
      if (asked.signal.aborted) return undefined;
      return new Promise((letGo) => {
        this.letGo = letGo;
        this.changed();
      });
    };
    navigator.locks.request(this.name, { signal: asked.signal }, hold).catch(() => undefined); // given up while waiting
  }
}
