/**
 * Keeps one line to the bridge alive: asks who we are, opens the websocket, says hello, notices when it is dead, comes back.
 *
 * It decides nothing about calls. Everything it touches (sockets, clock, chance) comes in through `Ports`.
 */

import { decode } from "./decode";
import { hello, ping } from "./protocol";
import type { SessionAnswer } from "./session";
import type { Input } from "./state";

export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((text: string) => void) | null;
  onclose: ((code: number) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface Ports {
  openSocket(): Socket;
  askSession(): Promise<SessionAnswer>;
  /** Local milliseconds. */
  now(): number;
  /** Run `then` after so many milliseconds; the answer cancels it. */
  after(milliseconds: number, then: () => void): () => void;
  /** A number from 0 to 1. */
  random(): number;
  /** Where the page stands in the stream, or null to get a snapshot. */
  resume(): { stream: string; seq: number } | null;
  tell(input: Input): void;
}

const SHORTEST_WAIT = 500;
const LONGEST_WAIT = 5_000;
/** From opening the socket to `welcome` (milliseconds). */
const WELCOME_WITHIN = 10_000;
/** From `ping` to any frame at all (milliseconds). */
const ANSWER_WITHIN = 5_000;
/** The same when there is reason to doubt the line (milliseconds). */
const ANSWER_WITHIN_IN_DOUBT = 2_000;

const SESSION_OVER = 4003;
const RESTART = 1012;

/** How long to wait before the next attempt: longer each time, and never at the same moment as the others. */
export function backOff(failures: number, code: number | null, chance: number): number {
  const ceiling = code === RESTART ? LONGEST_WAIT : Math.min(LONGEST_WAIT, 4 * SHORTEST_WAIT * 2 ** failures);
  return SHORTEST_WAIT + chance * (ceiling - SHORTEST_WAIT);
}

export class Line {
  private socket: Socket | null = null;
  private failures = 0;
  /** The question under way; an answer to an older one counts for nothing. */
  private asking: Promise<SessionAnswer> | null = null;
  private wanted = false;
  private fromSnapshot = false;
  private heartbeat = 20_000;
  private closeCode: number | null = null;
  private stopWaiting: (() => void) | null = null;
  private stopBeating: (() => void) | null = null;
  private stopDeadline: (() => void) | null = null;

  constructor(private readonly ports: Ports) {}

  /** Ask for the session and hold the line from now on; harmless when it is already held. */
  start(): void {
    this.wanted = true;
    if (this.socket === null && this.stopWaiting === null && this.asking === null) void this.attempt();
  }

  /** Let the line go, for good. */
  stop(): void {
    this.wanted = false;
    this.asking = null;
    this.drop();
    this.stopWaiting?.();
    this.stopWaiting = null;
  }

  /** Send a frame if there is a line; what cannot be sent now is worthless later. */
  send(text: string): void {
    this.socket?.send(text);
  }

  /** The lid was opened, the network came back, the window is looked at again: is the line really there? */
  check(): void {
    if (!this.wanted) return;
    if (this.stopWaiting !== null) {
      this.stopWaiting();
      this.stopWaiting = null;
      void this.attempt();
    } else if (this.socket !== null && this.stopBeating !== null) {
      this.beat(ANSWER_WITHIN_IN_DOUBT);
    }
  }

  /** The machine slept or its clock was set: ask for the time and the missed events at once, on a new line. */
  again(): void {
    if (!this.wanted || this.asking !== null) return;
    this.drop();
    this.stopWaiting?.();
    this.stopWaiting = null;
    this.ports.tell({ kind: "line", phase: "lost", at: this.ports.now() });
    void this.attempt();
  }

  /** Start again from a snapshot: events are missing. */
  resync(): void {
    this.fromSnapshot = true;
    this.lose(null);
  }

  private async attempt(): Promise<void> {
    const asking = this.ports.askSession();
    this.asking = asking;
    const answer = await asking;
    if (this.asking !== asking) return;
    this.asking = null;
    const at = this.ports.now();
    switch (answer.kind) {
      case "outside":
        return this.leave();
      case "unreachable":
        return this.lose(null);
      case "inside":
        this.ports.tell({ kind: "session", operator: answer.operator, serverTime: answer.serverTime, at });
        return this.connect();
    }
  }

  private connect(): void {
    const socket = this.ports.openSocket();
    this.socket = socket;
    this.closeCode = null;
    this.deadline(WELCOME_WITHIN);
    socket.onopen = () => {
      socket.send(hello(this.fromSnapshot ? null : this.ports.resume()));
      this.fromSnapshot = false;
    };
    socket.onmessage = (text) => this.hear(text);
    socket.onclose = (code) => {
      if (this.socket !== socket) return;
      // A proxy may swallow the close code; what `bye` said before it counts then.
      const meant = this.closeCode ?? code;
      // Refused in spite of a session there are too many tabs; without one, the next question leads to the door.
      if (meant === SESSION_OVER) this.leave();
      else this.lose(meant);
    };
  }

  private hear(text: string): void {
    const frame = decode(text);
    if (this.stopBeating !== null) {
      this.deadline(null); // any frame is a sign of life
      this.nextBeat();
    }
    if (frame === null) return;
    if (frame.op === "welcome") {
      this.failures = 0;
      this.heartbeat = frame.heartbeatS * 1000;
      this.deadline(null);
      this.nextBeat();
    }
    if (frame.op === "bye") this.closeCode = frame.code;
    this.ports.tell({ kind: "frame", frame, at: this.ports.now() });
  }

  /** Set by what is heard and not by the beat before: timers in a row run once a minute in a tab that is hidden for long. */
  private nextBeat(): void {
    this.stopBeating?.();
    this.stopBeating = this.ports.after(this.heartbeat, () => this.beat(ANSWER_WITHIN));
  }

  private beat(within: number): void {
    this.send(ping());
    if (this.stopDeadline === null) this.deadline(within);
  }

  private deadline(milliseconds: number | null): void {
    this.stopDeadline?.();
    this.stopDeadline = milliseconds === null ? null : this.ports.after(milliseconds, () => this.lose(null));
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    this.stopBeating?.();
    this.stopBeating = null;
    this.deadline(null);
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private leave(): void {
    this.stop();
    this.ports.tell({ kind: "no_session", at: this.ports.now() });
  }

  private lose(code: number | null): void {
    this.drop();
    this.ports.tell({ kind: "line", phase: "lost", at: this.ports.now() });
    this.stopWaiting?.();
    this.stopWaiting = this.ports.after(backOff(this.failures, code, this.ports.random()), () => {
      this.stopWaiting = null;
      void this.attempt();
    });
    this.failures += 1;
  }
}
