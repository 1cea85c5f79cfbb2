import { type HashPipe, hashFromPipe } from "./hash-pipe.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<HashPipe>) => hashFromPipe(data);
