package delivery

// Status is the state of a Delivery. The package comment has the diagram.
type Status string

// The states. Pending and sending rows have a next_at; the others do not.
const (
	Pending   Status = "pending"   // waits for its next_at
	Sending   Status = "sending"   // claimed; next_at is the end of the lease
	Succeeded Status = "succeeded" // a receiver answered 2xx
	Failed    Status = "failed"    // out of tries, too old, or refused for good; can be replayed
	Held      Status = "held"      // the endpoint is paused or disabled; waits for a person
	Skipped   Status = "skipped"   // the endpoint did not want it; the reason says why
	Canceled  Status = "canceled"  // by a person, or with its endpoint
)

// moves lists every legal change of state.
var moves = map[Status][]Status{
	Pending:   {Sending, Held, Canceled},
	Sending:   {Pending, Succeeded, Failed, Held, Canceled},
	Succeeded: {Pending}, // sent again by hand
	Failed:    {Pending},
	Held:      {Pending, Canceled},
	Skipped:   {Pending},
	Canceled:  {Pending}, // sent after all, by hand
}

// CanBecome tells whether a delivery may move from s to next.
func (s Status) CanBecome(next Status) bool {
	for _, to := range moves[s] {
		if to == next {
			return true
		}
	}
	return false
}

// Final tells whether nothing more happens to the delivery by itself.
func (s Status) Final() bool { return s != Pending && s != Sending }

// Reason says why a delivery is in its state when no attempt explains it. It is
// stored with the delivery.
type Reason string

// The reasons for held, skipped and canceled deliveries.
const (
	ReasonNone           Reason = ""
	ReasonTypeNotWanted  Reason = "type_not_wanted" // skipped: the endpoint does not subscribe to the type
	ReasonUserFilter     Reason = "user_filter"     // skipped: the endpoint's filter refused; Delivery.Detail has the clause
	ReasonAgentFilter    Reason = "agent_filter"
	ReasonAppFilter      Reason = "app_filter"
	ReasonRunFilter      Reason = "run_filter"
	ReasonCategoryFilter Reason = "category_filter"
	ReasonMetadataFilter Reason = "metadata_filter"
	ReasonOwnWrite       Reason = "own_write"         // skipped: the endpoint ignores who wrote it; Delivery.Detail names the key or source
	ReasonPaused         Reason = "endpoint_paused"   // held: a person paused the endpoint
	ReasonDisabled       Reason = "endpoint_disabled" // held: the receiver asked for it (410), or it failed for days
	ReasonCanceled       Reason = "canceled_by_hand"  // canceled: a person did not want it sent
	ReasonDeleted        Reason = "endpoint_deleted"  // canceled
	ReasonSuperseded     Reason = "superseded"        // canceled: a newer message of its memory was there; Delivery.Detail names it
	ReasonTurn           Reason = "waits_for_turn"    // pending: Delivery.Detail names the delivery of its memory that goes first
	ReasonErased         Reason = "erased"            // canceled: the memory was erased
	ReasonGone           Reason = "receiver_gone"     // held: this delivery's answer disabled the endpoint
	ReasonRefused        Reason = "refused"           // failed: a status or address for which trying again cannot help
	ReasonOutOfTries     Reason = "out_of_tries"      // failed: the schedule has ended
	ReasonTestFailed     Reason = "test_failed"       // failed: a test send is tried once
	ReasonTooOld         Reason = "too_old"           // failed: the next try would come after the maximum age
)
