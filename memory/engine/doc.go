// Package engine decides what a conversation changes in the memories of the
// people it is about.
//
// Local does so with rules of English grammar: no network, no model, and the
// same answer for the same input. Model asks a language model behind any
// OpenAI-compatible API; what is said below of what is kept is Local's.
//
// # What it keeps
//
//   - What users say of themselves: who they are, where they live and work, what
//     they like, have, take, cannot eat, ordered, did, plan and decided. One
//     memory for each fact: "I live in Berlin and work as a nurse" makes two.
//   - What they say of their relatives, friends, pets, orders and things, of
//     meetings and deadlines, and how the agent is to answer from now on.
//   - What they ask to have remembered, whatever it is about.
//   - What an agent says it has booked, ordered, sent or recommended, and the
//     news it gives about an order or a booking. It begins with "Assistant" where
//     the agent did something, so that it is not taken for the user's deed.
//   - A sentence in German, Spanish, French, Portuguese, Italian, Dutch, Russian,
//     Chinese, Japanese, Korean, Arabic or Hindi in which the speaker says "I" or
//     "my", as it stands. Other languages are not kept: nothing tells their small
//     talk from news.
//
// Memories have no subject, the rest is in the user's words: "I like tea" is
// "Likes tea", "My sister Anna is a doctor" is "Sister Anna is a doctor". A
// statement whose grammar is not understood is kept whole when it is the user's
// own.
//
// # What it does not keep
//
// Greetings, thanks, moods of the moment, questions, requests, general knowledge,
// what would be if, quotations, code, and talk about the conversation itself. A
// fact beside a question is kept ("I'm vegetarian, what can I cook?"). System and
// tool turns are no source. Passwords, PINs, card numbers and keys are never
// kept. Of a conversation the first 50 facts are kept, of a sentence the first
// 2,000 bytes.
//
// # How it compares
//
// Each fact has a subject (memory.Memory.Subject) that names what it is about:
//
//	name nickname age birthday lives_in from job employer diet relationship
//	phone email address budget ...         the user has one of each
//	favorite:color prefers:seat            one for each thing
//	likes:tea has:dog allergic:peanut
//	eats: drinks: takes: uses: ...         several can stand side by side
//	order:1234:item order:1234:status      an order, by its number
//	sister anna:job dog:name               a relative, a friend, a pet
//	math exam                              anything else that is called "my ..."
//	said:ordered nova 2000                 the fact itself: only its repetition concerns it
//
// A fact that a memory of its subject says already, in the same or more words, is
// dropped; case, punctuation and articles do not count. Otherwise it updates the
// newest memory of the subject when the two cannot both be so or when it says
// more, and is added when they can: "Has a dog named Rex" and "Has a dog named
// Max". Within one conversation the later fact wins.
//
// "I no longer work at Acme" and "forget that I like jazz" delete what they are
// about. Where nothing is known the first is kept as it is and the second does
// nothing. "I used to live in Berlin" takes the place of "Lives in Berlin".
//
// An immutable memory is never changed: what contradicts it is added beside it,
// what repeats it is dropped.
//
// This is the consolidating policy. Under the additive one (memory.Additive) the
// service adds what would have been an update, keeps the old memory beside it, and
// keeps "No longer works at Acme" where the old memory would have been deleted. What
// a user asks to have forgotten is deleted under both.
//
// # Includes and excludes
//
// Their words are keywords; those of a dozen topics (food, health, work, travel
// ...) stand for the topic. Excludes drops the facts that share a keyword,
// Includes drops those that share none. Words such as "only" or "preferences" do
// not count, and a text with no other words has no effect. The rules read no
// further meaning, and Add.Instructions none at all.
//
// # Categories
//
// A memory belongs to the categories of which it has a word: in their name, their
// description, or in the lexicon of mem0's default list (categorize.go).
//
// # The language model
//
// One request decides an add: the prompt (prompts/remember.md, with the owner's
// instructions), and as data the conversation and up to 60 memories that fit it,
// under small numbers. The answer names changes by those numbers, so whatever
// stands in a conversation can touch no other memory, nor one that is immutable.
// Repeats are found by hash, here. A second request sorts what is new under
// categories; where it fails Local's rules do.
//
// The answer is asked for by JSON schema; a server that knows none is asked for
// a JSON object, then by the prompt alone. An unusable answer is asked for once
// more. After a refusal, or two unusable answers, the event FAILED. A model that
// is away, slow or busy is a *memory.LaterError, and Retry-After holds all
// requests. Answers end at 4 MiB, requests after a minute, and no more than 16
// run at once. Neither the key nor what was said is logged.
//
// Embedder asks for vectors in the same way.
//
// # Decisions
//
// 2026-11: The official SDK, for the shapes of the protocol, though two calls of it
// are used. It costs 29 MB of the binary (20 MB stripped), most of it types that
// nothing here mentions, and a minute of two cores for the first build.
//
// 2026-11: One request, not one to extract and one to compare: half the time and
// cost. Given up: memories are looked for by what was said, not by each fact.
//
// 2026-11: Rules, not a small model: an answer costs microseconds and the reason
// for it can be read. What they cost is recall on rambling prose. testdata has
// labelled chats, among them held-out ones that the rules were not made for;
// TestChats prints how many come out right and fails when fewer do.
package engine
