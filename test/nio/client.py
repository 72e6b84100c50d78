"""matrix-nio, a client library that we did not write, against the real program: python client.py path/to/wardline.

It signs two people in, lets them talk in a clear and in an encrypted room, and looks at what the library made of the answers. A wrong
one ends it with a status that is not zero. Waits are syncs that the server answers when there is something; nothing sleeps.
"""

import asyncio
import hashlib
import hmac
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

import nio

SECRET = "a secret of this test"


def start(binary, data):
    """start runs the program on a folder of its own and returns it with its address once it answers."""
    server = subprocess.Popen(
        [binary, "serve", "-server-name", "hs1", "-data", data, "-listen", "127.0.0.1:0", "-registration-secret", SECRET, "-no-rate-limits", "-log-json"],
        stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        said = json.loads(line)
        if said["msg"] == "ready":
            return server, "http://" + said["address"]
    raise SystemExit(f"the server ended with {server.wait()} before it was ready")


def register(url, name):
    """register makes an account through the shared-secret call, as common Matrix tools do."""
    at = url + "/_synapse/admin/v1/register"
    with urllib.request.urlopen(at) as answer:
        nonce = json.load(answer)["nonce"]
    password = "password of " + name
    mac = hmac.new(SECRET.encode(), "\0".join([nonce, name, password, "notadmin"]).encode(), hashlib.sha1).hexdigest()
    body = {"nonce": nonce, "username": name, "password": password, "admin": False, "mac": mac}
    urllib.request.urlopen(urllib.request.Request(at, json.dumps(body).encode(), method="POST")).close()


def good(answer):
    """good returns an answer of the library, or ends the test with the error that it is."""
    if isinstance(answer, (nio.ErrorResponse, nio.SyncError)):
        raise AssertionError(f"{type(answer).__name__}: {answer}")
    return answer


class Person:
    """Person is somebody on one device. heard are the events of rooms that their syncs brought, decrypted where that was needed."""

    def __init__(self, client):
        self.client, self.heard, self.typing, self.read, self.left = client, [], [], [], []
        client.add_event_callback(lambda room, event: self.heard.append((room.room_id, event)), (nio.Event,))
        client.add_ephemeral_callback(lambda room, event: self.typing.append(event.users), (nio.TypingNoticeEvent,))
        client.add_ephemeral_callback(lambda room, event: self.read.extend((r.user_id, r.event_id) for r in event.receipts), (nio.ReceiptEvent,))

    @classmethod
    async def sign_in(cls, url, name, store):
        config = nio.AsyncClientConfig(store_sync_tokens=True, encryption_enabled=True)
        client = nio.AsyncClient(url, f"@{name}:hs1", store_path=store, config=config)
        good(await client.login("password of " + name, device_name="nio"))
        person = cls(client)
        await person.sync(full_state=True)
        return person

    async def sync(self, timeout=0, **more):
        self.left += good(await self.client.sync(timeout=timeout, **more)).rooms.leave
        if self.client.should_upload_keys:
            good(await self.client.keys_upload())
        if self.client.should_query_keys:
            good(await self.client.keys_query())
        if self.client.should_claim_keys:
            good(await self.client.keys_claim(self.client.get_users_for_key_claiming()))
        await self.client.send_to_device_messages()

    async def until(self, what):
        """until syncs until what returns something, and returns it. The runner's time limit ends what never comes."""
        while not (found := what()):
            await self.sync(timeout=10_000)
        return found

    def body(self, room, event_id):
        return next((e.body for r, e in self.heard if r == room and e.event_id == event_id and isinstance(e, nio.RoomMessageText)), None)


def done(what):
    print("  ✔", what, flush=True)


async def clear_room(asha, tom):
    a, t = asha.client, tom.client
    room = good(await a.room_create(name="Ward 7", topic="Days", invite=[t.user_id])).room_id
    await tom.until(lambda: room in t.invited_rooms)
    assert t.invited_rooms[room].name == "Ward 7"
    good(await t.join(room))
    await tom.until(lambda: room in t.rooms and len(t.rooms[room].users) == 2)
    assert t.rooms[room].display_name == "Ward 7" and t.rooms[room].topic == "Days"
    await asha.until(lambda: room in a.rooms and t.user_id in a.rooms[room].users)
    done("an invitation is seen and accepted")

    first = good(await a.room_send(room, "m.room.message", {"msgtype": "m.text", "body": "Bed 12 is back"}, tx_id="one")).event_id
    assert good(await a.room_send(room, "m.room.message", {"msgtype": "m.text", "body": "Bed 12 is back"}, tx_id="one")).event_id == first
    assert await tom.until(lambda: tom.body(room, first)) == "Bed 12 is back"
    await asha.until(lambda: asha.body(room, first))
    assert len([e for _, e in tom.heard if e.event_id == first]) == 1
    done("a message arrives once, however often it was sent")

    good(await a.room_typing(room, True, 20_000))
    await tom.until(lambda: any(a.user_id in users for users in tom.typing))
    good(await t.room_read_markers(room, first, first))
    await asha.until(lambda: (t.user_id, first) in asha.read)
    done("typing and receipts are seen")

    for i in range(40):
        good(await a.room_send(room, "m.room.message", {"msgtype": "m.text", "body": f"line {i}"}))
    bodies, at = [], ""
    while True:
        page = good(await t.room_messages(room, start=at, direction=nio.MessageDirection.back, limit=9))
        bodies += [e.body for e in page.chunk if isinstance(e, nio.RoomMessageText)]
        if not page.end:
            break
        at = page.end
    assert bodies == [f"line {i}" for i in reversed(range(40))] + ["Bed 12 is back"], bodies
    around = good(await t.room_context(room, first))
    assert around.event.event_id == first and around.events_after
    done("history pages back, each event once")

    data = bytes(range(256)) * 300
    sent, _ = await a.upload(io.BytesIO(data), content_type="application/octet-stream", filename="chart.bin", filesize=len(data))
    got = good(await t.download(good(sent).content_uri))
    assert got.body == data and got.filename == "chart.bin"
    done("a file goes up and comes down")

    good(await a.room_redact(room, first, reason="slip"))
    await tom.until(lambda: any(isinstance(e, nio.RedactionEvent) and e.redacts == first for _, e in tom.heard))
    assert isinstance(good(await t.room_get_event(room, first)).event, nio.RedactedEvent)
    good(await t.set_displayname("Tom (ST3)"))
    await asha.until(lambda: a.rooms[room].user_name(t.user_id) == "Tom (ST3)")
    good(await a.room_put_alias("#ward7:hs1", room))
    assert good(await t.room_resolve_alias("#ward7:hs1")).room_id == room
    done("redactions, names and aliases")

    good(await a.room_kick(room, t.user_id, reason="moved"))
    await tom.until(lambda: room in tom.left)
    assert room not in good(await t.joined_rooms()).rooms
    refused = await t.room_send(room, "m.room.message", {"msgtype": "m.text", "body": "still here?"})
    assert isinstance(refused, nio.RoomSendError) and refused.status_code == "M_FORBIDDEN", refused
    done("who is taken out can say no more")


async def stored(client, room, event_id):
    """stored is an event as the server has it; the library would decrypt it."""
    method, path = nio.Api.room_get_event(client.access_token, room, event_id)[:2]
    answer = await client.send(method, path, headers={"Authorization": "Bearer " + client.access_token})
    return await answer.json()


async def closed_room(asha, tom):
    a, t = asha.client, tom.client
    on = [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}]
    room = good(await a.room_create(name="Closed", invite=[t.user_id], initial_state=on)).room_id
    await tom.until(lambda: room in t.invited_rooms)
    good(await t.join(room))
    await tom.until(lambda: room in t.rooms and t.rooms[room].encrypted and a.device_store is not None)
    await asha.until(lambda: room in a.rooms and t.user_id in a.rooms[room].users)
    for one, other in ((asha, t.user_id), (tom, a.user_id)):
        await one.until(lambda: list(one.client.device_store.active_user_devices(other)))
    for one, other, words in ((asha, tom, "for two people only"), (tom, asha, "and back")):
        sent = good(await one.client.room_send(room, "m.room.message", {"msgtype": "m.text", "body": words}, ignore_unverified_devices=True)).event_id
        assert await other.until(lambda: other.body(room, sent)) == words
        raw = await stored(other.client, room, sent)
        assert raw["type"] == "m.room.encrypted" and words not in json.dumps(raw)
    done("an encrypted room is read at both ends, and not by the server")


async def story(url, folder):
    for name in ("asha", "tom"):
        register(url, name)
        (folder / name).mkdir()
    wrong = await (stranger := nio.AsyncClient(url, "@asha:hs1")).login("guess")
    await stranger.close()
    assert isinstance(wrong, nio.LoginError) and wrong.status_code == "M_FORBIDDEN", wrong
    done("a wrong password is refused")
    people = [await Person.sign_in(url, name, str(folder / name)) for name in ("asha", "tom")]
    await clear_room(*people)
    await closed_room(*people)
    for person in people:
        good(await person.client.logout())
        assert isinstance(await person.client.whoami(), nio.WhoamiError)
        await person.client.close()
    done("signing out ends the token")


def main():
    with tempfile.TemporaryDirectory(prefix="wardline-nio-") as folder:
        data = pathlib.Path(folder)
        server, url = start(sys.argv[1], str(data / "server"))
        try:
            asyncio.run(asyncio.wait_for(story(url, data), 90))
        finally:
            server.terminate()
            for _ in server.stderr:
                pass
            code = server.wait()
    assert code == 0, f"the server ended with {code}"


main()
