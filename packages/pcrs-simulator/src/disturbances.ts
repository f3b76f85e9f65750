import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, numberOf } from './faults.ts';
import { closed } from './wire.ts';

/** Faults that drop the connection, or the server, under an answer. */
export class Disturbances {
  readonly #server: Server;
  #comingBack: NodeJS.Timeout | undefined;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Applies the faults before an answer; true if there is nothing left to answer. */
  async take(response: ServerResponse, faults: readonly Fault[]): Promise<boolean> {
    for (const { kind, value } of faults) {
      if (kind === 'delay') await sleep(Number(value));
      if (kind === 'hang' && value !== 'body') await closed(response);
      else if (kind === 'refuse') response.socket?.destroy();
      else if (kind === 'down') this.#goDown(value);
      else if (kind === 'endless-header' && response.socket !== null) await endlessHeader(response.socket);
      else continue;
      return true;
    }
    return false;
  }

  /** Keeps a server that went down for a while from coming back. */
  stop(): void {
    clearTimeout(this.#comingBack);
  }

  #goDown(seconds: string | undefined): void {
    const address = this.#server.address();
    this.#server.close();
    this.#server.closeAllConnections();
    if (seconds === undefined || address === null || typeof address === 'string') return;
    const comeBack = () => this.#server.listen(address.port, address.address);
    this.#comingBack = setTimeout(comeBack, numberOf(seconds, 0) * 1000);
  }
}

async function endlessHeader(socket: Socket): Promise<void> {
  socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n');
  const line = `X-Padding: ${'0'.repeat(1000)}\r\n`;
  while (!socket.destroyed) {
    if (socket.write(line)) await sleep(1);
    else await Promise.race([onceOn(socket, 'drain'), onceOn(socket, 'close')]);
  }
}

function onceOn(socket: Socket, event: 'drain' | 'close'): Promise<void> {
  return new Promise((resolve) => socket.once(event, () => resolve()));
}
