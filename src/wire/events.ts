/** One line of `GET /events`. */
export interface WireEvent {
  /** Until 1.51, of container and image events. */
  status?: string;
  id?: string;
  from?: string;
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  scope: string;
  /** Seconds since the epoch. */
  time: number;
  timeNano: number;
}
