// Package memory turns conversations into memories and tells the delivery side
// about every change.
//
// An Event is one accepted write. It changes Memories; each Change makes a
// Message (package delivery) and stays as the memory's history.
//
//	PENDING ──► RUNNING ──► SUCCEEDED  its changes, messages and deliveries are committed with this state
//	   ▲            │
//	   └─ lease over┴─────► FAILED     nothing was changed; the error is stored
//
// Guarantees:
//
//   - An event is committed before its ID is handed out, and is processed until
//     it succeeds or fails, whatever crashes meanwhile.
//   - When an event is SUCCEEDED, its memories can be read, listed and searched.
//   - Events of one scope that infer facts are processed in the order in which
//     they were accepted: "I live in Berlin", "I moved to Lisbon" never ends in
//     Berlin.
//   - The categories of a text are committed with it, and so is the message about
//     them: no crash comes in between. Where mem0 assigns them a moment later
//     (categories is null, then an array), here the moment is nil.
//   - With an embedder searches find by meaning too. Vectors are made after the
//     commit: an add does not wait for its embedder, and is found by its words
//     until the embedder has answered. A vector stands in its memory's row and goes
//     with the text; one of another model, or of none, is made again by itself.
//   - A deletion keeps what the memory said in its history and in the record of what
//     was sent, as mem0 does. An Erasure takes it out of all of them and keeps who
//     acknowledged that; the ID of an erasure is that of its event.
//   - Changes are applied to the memories they were decided on. If one changed
//     meanwhile the event is decided again.
package memory
