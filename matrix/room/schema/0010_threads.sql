-- The list of a room's threads reads their replies only. Few events are replies in threads, so sending costs no more for it.
CREATE INDEX room_event_threads ON room_event (room, pos) WHERE rel_type = 'm.thread';
