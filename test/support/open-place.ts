import { after } from 'node:test';
import type { SimulatorOptions } from 'pcrs-simulator';
import { makePlace, type Place } from './programs.ts';

/** A place for the tests of a file, closed after them. */
export async function openPlace(name: string, options: SimulatorOptions = {}): Promise<Place> {
  const place = await makePlace(name, options);
  after(() => place.close());
  return place;
}
