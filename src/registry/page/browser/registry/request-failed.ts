import { adviceFor, type Failure } from "../model/failure.ts";

export class RequestFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(adviceFor(failure).title);
    this.failure = failure;
  }
}
