import { codedError } from 'pcrs-records/errors';
import { gatewayOf } from 'pcrs-records/scope';
import { RefusedRecord } from 'pcrs-sink/table';
import type { StatusTable } from './status.ts';

const rowName = 'SOURCE';

/** The one gateway and subscription of a database, learned from the first session and the first list. */
export class Source {
  readonly #status: StatusTable;
  #gateway: string | null;
  #subscriptionId: string | null;

  constructor(status: StatusTable) {
    this.#status = status;
    const { gateway, subscriptionId } = status.get(rowName) ?? {};
    this.#gateway = typeof gateway === 'string' ? gateway : null;
    this.#subscriptionId = typeof subscriptionId === 'string' ? subscriptionId : null;
  }

  /** Throws PCRS_RECORD if the database comes from another gateway. */
  checkGateway(url: string, line: number): void {
    const gateway = gatewayOf({ gateway: url });
    if (gateway === this.#gateway) return;
    if (this.#gateway !== null) {
      throw codedError(
        'PCRS_RECORD',
        `stdin:${line}: the session is of ${gateway}, but this database holds ${this.#holds()}; choose another file`,
      );
    }
    this.#gateway = gateway;
    this.#keep();
  }

  /** Throws RefusedRecord if the database comes from another subscription. */
  checkSubscription(id: string): void {
    if (id === this.#subscriptionId) return;
    if (this.#subscriptionId !== null) {
      throw new RefusedRecord(
        `the record is of subscription ${id}, but this database holds ${this.#holds()}; choose another file`,
      );
    }
    this.#subscriptionId = id;
    this.#keep();
  }

  #holds(): string {
    const subscription = this.#subscriptionId === null ? '' : `subscription ${this.#subscriptionId}`;
    const gateway = this.#gateway ?? '';
    return [gateway, subscription].filter((part) => part !== '').join(', ');
  }

  #keep(): void {
    this.#status.put(rowName, { gateway: this.#gateway, subscriptionId: this.#subscriptionId });
  }
}
