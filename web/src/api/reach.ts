// Where somebody is reached outside the app. Nobody but they see it.

import { wire } from '../app';

export type WayName = 'voice' | 'sms' | 'pager' | 'email';
export interface WayTo { way: WayName; address: string; offered: boolean }

export async function readWays(): Promise<WayTo[]> {
  return (await wire.call<{ ways: WayTo[] }>('GET', '/_wardline/v1/me/reach')).ways;
}

// setWay keeps a number or an address, '' for none any more.
export async function setWay(way: WayName, address: string): Promise<WayTo[]> {
  return (await wire.call<{ ways: WayTo[] }>('PUT', `/_wardline/v1/me/reach/${way}`, { address })).ways;
}
