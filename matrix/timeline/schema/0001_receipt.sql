-- How far each person has read each room. at is when, event_pos the place of the event, pos the place of the receipt itself.
CREATE TABLE timeline_receipt (
  room BIGINT NOT NULL,
  member TEXT NOT NULL,
  kind TEXT NOT NULL,
  thread TEXT NOT NULL,
  event TEXT NOT NULL,
  event_pos BIGINT NOT NULL,
  at BIGINT NOT NULL,
  pos BIGINT NOT NULL,
  PRIMARY KEY (room, member, kind, thread)
);
