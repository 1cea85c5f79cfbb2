/** The body of every answer with a status of 400 and above. */
export interface WireError {
  message: string;
}
