package dsar

import "slices"

// State is how far a request is. Identity is not part of it, nor are grouping,
// assignment and extension: they are dimensions of their own.
type State string

// The states. The last six are closed.
const (
	StateReceived    State = "received"     // recorded, the clock runs
	StatePaused      State = "paused"       // waiting for the person; the clock stands still
	StateFeeProposed State = "fee_proposed" // a fee was announced, waiting for the person
	StatePlanned     State = "planned"      // what is to be done is written down
	StateApproved    State = "approved"     // somebody else agreed to exactly that
	StateWorking     State = "working"      // sources are being asked, or changed
	StateWorked      State = "worked"       // every source is done; the answer can go out

	StateFulfilled       State = "fulfilled"
	StateNoDataHeld      State = "no_data_held" // a negative confirmation, which is a fulfilment
	StateRefused         State = "refused"
	StateNotIdentifiable State = "not_identifiable"
	StateForwarded       State = "forwarded" // to the controller, by a processor
	StateCancelled       State = "cancelled" // by the person; never runs
)

// States returns every state in the order of the table.
func States() []State { return slices.Clone(states) }

var states = []State{
	StateReceived, StatePaused, StateFeeProposed, StatePlanned, StateApproved, StateWorking, StateWorked,
	StateFulfilled, StateNoDataHeld, StateRefused, StateNotIdentifiable, StateForwarded, StateCancelled,
}

// Open reports whether the request still waits for an answer.
func (s State) Open() bool {
	switch s {
	case StateFulfilled, StateNoDataHeld, StateRefused, StateNotIdentifiable, StateForwarded, StateCancelled:
		return false
	}
	return s != ""
}

// Event is one step of a request.
type Event string

// The events, one for each method of a [Desk] that changes a request.
const (
	EventReceive         Event = "receive"
	EventIdentify        Event = "identify"
	EventChallenge       Event = "challenge"
	EventVerify          Event = "verify"
	EventWaive           Event = "waive"
	EventGroup           Event = "group"
	EventAssign          Event = "assign"
	EventExtend          Event = "extend"
	EventPause           Event = "pause"
	EventResume          Event = "resume"
	EventProposeFee      Event = "propose_fee"
	EventAcceptFee       Event = "accept_fee"
	EventDecide          Event = "decide"
	EventReview          Event = "review"
	EventPlan            Event = "plan"
	EventApprove         Event = "approve"
	EventBreakGlass      Event = "break_glass"
	EventAfterReview     Event = "after_review"
	EventWork            Event = "work"
	EventWorked          Event = "worked"
	EventBundle          Event = "bundle"
	EventRecipient       Event = "recipient"
	EventFulfil          Event = "fulfil"
	EventRefuse          Event = "refuse"
	EventNotIdentifiable Event = "not_identifiable"
	EventNoDataHeld      Event = "no_data_held"
	EventForward         Event = "forward"
	EventCancel          Event = "cancel"
	EventReopen          Event = "reopen"
	EventAnnounceLift    Event = "announce_lift"
	EventLift            Event = "lift"
	EventRest            Event = "rest"
	EventForget          Event = "forget"
)

// A Transition says from which states an event is possible and where it leads.
type Transition struct {
	Event Event
	From  []State
	To    State // empty: the state stays
	// Identity is set for events that need the identity verified or waived.
	Identity bool
	// Says in one line what the event means.
	Text string
}

var (
	waiting = []State{StateReceived, StatePaused}
	undone  = []State{StateReceived, StatePaused, StateFeeProposed, StatePlanned, StateApproved}
	open    = []State{StateReceived, StatePaused, StateFeeProposed, StatePlanned, StateApproved, StateWorking, StateWorked}
	// answered are the closed states in which a restriction may still have to be lifted.
	answered = []State{StateFulfilled, StateNoDataHeld, StateRefused, StateNotIdentifiable, StateCancelled}
	closed   = []State{StateFulfilled, StateNoDataHeld, StateRefused, StateNotIdentifiable, StateForwarded, StateCancelled}
)

// transitions is the whole life of a request. STATES.md is made from it.
var transitions = []Transition{
	{EventReceive, nil, StateReceived, false, "the request is recorded with the day on which it came in"},
	{EventIdentify, waiting, "", false, "subject keys of the person are linked to the request"},
	{EventChallenge, waiting, "", false, "a one-time code goes to an address held before the request"},
	{EventVerify, waiting, "", false, "a code or other proof established the identity"},
	{EventWaive, waiting, "", false, "there is no reasonable doubt about the identity; the reason is recorded"},
	{EventGroup, open, "", false, "the request is marked as a duplicate of another, or no longer so"},
	{EventAssign, open, "", false, "somebody takes charge of the request"},
	{EventExtend, open, "", false, "two further months, once, with reason, told within the first"},
	{EventPause, []State{StateReceived, StatePlanned}, StatePaused, false, "the person was asked something; the clock stands still"},
	{EventResume, []State{StatePaused}, StateReceived, false, "the person answered"},
	{EventProposeFee, []State{StateReceived, StatePlanned}, StateFeeProposed, false, "a reasonable fee was announced"},
	{EventAcceptFee, []State{StateFeeProposed}, StateReceived, false, "the person accepts the fee"},
	{EventDecide, waiting, "", true, "what exactly is to be corrected was settled"},
	{EventReview, []State{StateReceived, StatePlanned, StateApproved, StateWorking, StateWorked}, "", true, "a human reviewed an automated decision"},
	{EventPlan, []State{StateReceived, StatePlanned, StateApproved, StateWorking}, StatePlanned, true, "what will be done is counted and written down"},
	{EventApprove, []State{StatePlanned}, StateApproved, true, "somebody other than the planner approved exactly that plan"},
	{EventBreakGlass, []State{StatePlanned}, StateApproved, true, "the planner approved alone, with a reason; somebody reviews it afterwards"},
	{EventAfterReview, []State{StateApproved, StateWorking, StateWorked, StateFulfilled, StateNoDataHeld, StateRefused, StateCancelled}, "", false, "somebody else reviewed an approval that was given alone"},
	{EventWork, []State{StateApproved, StateWorking}, StateWorking, true, "the sources are asked, or changed"},
	{EventWorked, []State{StateWorking}, StateWorked, true, "the last source is done"},
	{EventBundle, []State{StateWorked, StateFulfilled}, "", true, "a copy of the data left"},
	{EventRecipient, []State{StateWorked, StateFulfilled}, "", true, "a recipient was told, answered, or cannot be told"},
	{EventFulfil, []State{StateWorked}, StateFulfilled, true, "the answer was given"},
	{EventRefuse, undone, StateRefused, false, "the answer is no, with the items of art. 12(4)"},
	{EventNotIdentifiable, waiting, StateNotIdentifiable, false, "the controller cannot tell who the person is (art. 11(2))"},
	{EventNoDataHeld, []State{StateReceived, StatePlanned, StateWorked}, StateNoDataHeld, true, "the negative confirmation was given"},
	{EventForward, []State{StateReceived}, StateForwarded, false, "a processor passed the request to its controller"},
	{EventCancel, undone, StateCancelled, false, "the person took the request back"},
	{EventReopen, []State{StateRefused, StateNotIdentifiable, StateNoDataHeld}, StateReceived, false, "an authority, a court or new information has it taken up again"},
	{EventAnnounceLift, []State{StateFulfilled}, "", true, "the person was told that the restriction will be lifted"},
	{EventLift, answered, "", true, "the restriction was lifted"},
	{EventRest, []State{StateFulfilled}, "", true, "what had to wait for a duty to end was erased"},
	{EventForget, closed, "", false, "the file was erased under its own rule; the register keeps its line"},
}

// Transitions returns the transition table: data, in a fixed order.
func Transitions() []Transition { return slices.Clone(transitions) }

// next returns the state that ev leads to from s, and whether ev is possible.
func next(s State, ev Event) (to State, identity, ok bool) {
	i := slices.IndexFunc(transitions, func(t Transition) bool { return t.Event == ev })
	if i < 0 {
		return "", false, false
	}
	t := &transitions[i]
	if !slices.Contains(t.From, s) {
		return "", false, false
	}
	if t.To == "" {
		return s, t.Identity, true
	}
	return t.To, t.Identity, true
}
