/** Small drawings beside words; they repeat what the words say, so screen readers pass over them. */

import type { JSX } from "preact";

const HANDSET = "M2.5 13c5.3-7.2 13.7-7.2 19 0l-3.3 4.6-4.5-2.3v-3.4c-1.1-.25-2.3-.25-3.4 0v3.4l-4.5 2.3z";

const SHAPES = {
  ringing: (
    <>
      <path d={HANDSET} transform="translate(0 4)" fill="currentColor" />
      <path d="M6 7.5 4 5.2M12 5.6V2.5M18 7.5l2-2.3" />
    </>
  ),
  dialling: (
    <>
      <path d={HANDSET} transform="translate(0 4)" fill="currentColor" />
      <path d="M12 8V2.5M9 5.2l3-2.7 3 2.7" />
    </>
  ),
  talking: (
    <>
      <path d="M4 10v4M8 7v10M12 4v16M16 7v10M20 10v4" />
    </>
  ),
  held: <path d="M9 6v12M15 6v12" />,
  consulting: <path d="M4 5h11v8H9l-3 3v-3H4zM18 10h2v7h-2v3l-3-3h-4" />,
  ended: <path d="m5 12.5 4.5 4.5L19 7.5" />,
  quiet: <path d={HANDSET} fill="currentColor" />,
  blind: <path d="M4 9.5c4.6-4 11.4-4 16 0M7.5 13c2.6-2.2 6.4-2.2 9 0M12 17.2v.1M4 20 20 4" />,
  gone: <path d="M4 7h9a5 5 0 0 1 0 10H6M9 13l-4 4 4 4" />,
  call: <path d={HANDSET} fill="currentColor" />,
  missed: <path d="M5 6l7 7 7-7M14 6h5v5M4 18h16" />,
  more: <path d="m6 9.5 6 6 6-6" />,
  silent: <path d="M4 9.5v5h3.5L12 18V6L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5" />,
  keys: <path d="M3 6.5h18v11H3zM7 10.2v.1M10.3 10.2v.1M13.7 10.2v.1M17 10.2v.1M8 14h8" />,
  settings: <path d="M4 7h7M17 7h3M4 17h3M13 17h7M14 4.5v5M10 14.5v5" />,
  clock: <path d="M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3.2 2" />,
  alert: <path d="M12 4 2.8 19.5h18.4zM12 10v4.5M12 17v.1" />,
  task: <path d="M5 4h14v16H5zM8.5 9.5l1.3 1.3 2.4-2.6M8.5 15h7" />,
  transfer: <path d="M3.5 12h13M12 6.5l5.5 5.5-5.5 5.5M20.5 5v14" />,
  complete: <path d="M3 12h7M14 12h7M10 8.5v7M14 8.5v7M10 12h4" />,
  resume: <path d="M8 5.5v13l10-6.5z" fill="currentColor" />,
  hangup: <path d={HANDSET} transform="rotate(135 12 12)" fill="currentColor" />,
  pencil: <path d="M5 19l.8-3.6L16.2 5l2.8 2.8L8.6 18.2zM14 7.2l2.8 2.8" />,
  waiting: <path d="M7 3.5h10M7 20.5h10M8 3.5c0 4.5 8 4.5 8 8.5s-8 4-8 8.5M16 3.5c0 4.5-8 4.5-8 8.5s8 4 8 8.5" />,
  doubt: <path d="M12 5v9M12 18.5v.1" />,
  stage: <path d="M4 12h12M12 7.5l4.5 4.5L12 16.5M20 6v12" />,
  note: <path d="M5 4h14v11l-5 5H5zM14 20v-5h5M8.5 8.5h7M8.5 12h4" />,
} satisfies Record<string, JSX.Element>;

export type IconName = keyof typeof SHAPES;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {SHAPES[name]}
    </svg>
  );
}
