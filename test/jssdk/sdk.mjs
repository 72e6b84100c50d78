// matrix-js-sdk as the tests use it: quiet, on Node 20, and with waits for its events instead of for time.

Promise.withResolvers ??= function () { const p = {}; p.promise = new this((resolve, reject) => Object.assign(p, { resolve, reject })); return p; }; // Node 20

const quiet = () => {};
for (const level of ['trace', 'debug', 'info', 'log', 'warn']) console[level] = quiet; // the SDK takes them when it is loaded

export const sdk = await import('matrix-js-sdk');
export const logger = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet, getChild: () => logger };

/** when resolves with the arguments of the first event that fits. */
export function when(emitter, name, fits = () => true) {
  return new Promise((resolve) => {
    const hear = (...args) => {
      if (!fits(...args)) return;
      emitter.off(name, hear);
      resolve(args);
    };
    emitter.on(name, hear);
  });
}

/** arrives resolves with the event of that id, once this client's sync has brought it. */
export async function arrives(client, roomId, eventId) {
  const here = client.getRoom(roomId)?.findEventById(eventId);
  if (here && here.status === null) return here;
  const [event] = await when(client, sdk.RoomEvent.Timeline, (e) => e.getId() === eventId && e.status === null);
  return event;
}

/** isIn resolves once this client stands in the room like that. A new room is announced after its membership. */
export async function isIn(client, roomId, membership) {
  const known = client.getRoom(roomId) ? undefined : when(client, sdk.ClientEvent.Room, (room) => room.roomId === roomId);
  if (client.getRoom(roomId)?.getMyMembership() !== membership) {
    await when(client, sdk.RoomEvent.MyMembership, (room, now) => room.roomId === roomId && now === membership);
  }
  await known;
}
