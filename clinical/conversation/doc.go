// Package conversation makes the rooms that the trust's people talk in: groups, rooms about a patient, direct chats.
//
// It promises that a clinical room belongs to the trust's service account and to no person, because in room version 12 whoever
// creates a room has power over it for ever; that its class is written down in the room's state; and that repeating a call with the
// same transaction id makes no second room; that a message is forwarded only where its kind of room allows; and that a group which follows a
// post or a team has its people, whoever they are. It refuses state that claims a class or a patient when a client sends it. Look first at
// Service.Group and Service.Guard.
package conversation
