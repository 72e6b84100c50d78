// Package record takes what was decided in a conversation into the patient's record, by FHIR R4, and proves that it got there.
//
// It promises that marking a message as a decision and putting it into the outbox is one act; that what will be filed is fixed then,
// byte for byte; that it reaches the record exactly once, through crashes, lost answers and outages; and that its state is waiting,
// filed or refused, never unknown. It refuses to file without a patient, and to let a decided message be edited or removed
// afterwards.
//
// How exactly once works: every resource has an identifier (Provenance, which can have none, a tag) made from the decision's id; the
// attempt is written down before the network is touched; each retry searches for the document first, and the transaction itself
// creates nothing that exists. Look first at Service.Decide and Service.Run.
package record
