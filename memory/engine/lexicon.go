package engine

import "strings"

// A class says what a word can be. A word may be several things.
type class uint64

const (
	punct      class = 1 << iota
	subjectI         // I, we
	possessI         // my, our
	objectI          // me, us, mine
	pronoun3         // he, she, it, they
	possess3         // his, her, its, their
	pronounYou       // you, your
	deictic          // points at something said before
	be
	have
	do
	modal
	negative
	filler // says nothing before a verb
	adverb // says something before a verb
	whWord
	determiner
	preposition
	conjunction
	subordinator // begins a clause that says when
	timeWord
	number
	verbBase
	verbThird
	verbPast
	verbIng
	guessed    // classed by its ending only
	imperative // begins a request
	mental     // a verb of thinking and saying, what follows is talk about talk
	alone      // a verb that says enough without an object
	transient  // a state that has passed by the next conversation
	smallTalk
	relation
	pet
	occupation
	nationality
	diet
	marital
	attribute // of a person, with one value
	event     // something with a date
	business  // something that a company handles for a customer
	secret
	material // what the conversation itself is about: code, a text
	talk     // a part of the conversation
	notJob   // looks like an occupation and is none
	vague    // says nothing about "it"
)

// An entry is what is known about a word.
type entry struct {
	kind  class
	lemma string // of a form of a verb
}

// lexicon is read only.
var lexicon = newLexicon()

func newLexicon() dictionary {
	d := make(dictionary, 4096)
	for _, list := range wordLists {
		d.addAll(list.words, list.kind)
	}
	for row := range strings.Lines(irregularVerbs) {
		forms := strings.Fields(row)
		if len(forms) == 0 {
			continue
		}
		d.addVerb(forms[0], gerund(forms[0], false), forms[1:]...)
	}
	for _, v := range strings.Fields(regularVerbs) {
		base, doubled := strings.CutSuffix(v, "+")
		d.addVerb(base, gerund(base, doubled), past(base, doubled))
	}
	for _, list := range verbLists {
		d.addAll(list.words, list.kind)
	}
	return d
}

type dictionary map[string]entry

func (d dictionary) add(w, lemma string, kind class) {
	e := d[w]
	e.kind |= kind
	if e.lemma == "" {
		e.lemma = lemma
	}
	d[w] = e
}

func (d dictionary) addAll(words string, kind class) {
	for _, w := range strings.Fields(words) {
		d.add(w, "", kind)
	}
}

func (d dictionary) addVerb(base, gerund string, pasts ...string) {
	d.add(base, base, verbBase)
	d.add(third(base), base, verbThird)
	d.add(gerund, base, verbIng)
	for _, past := range pasts {
		d.add(past, base, verbPast)
	}
}

var wordLists = []struct {
	kind  class
	words string
}{
	{subjectI, "i we"},
	{possessI, "my our"},
	{objectI, "me us mine ours myself ourselves"},
	{pronoun3, "he she it they"},
	{possess3, "his her its their"},
	{pronounYou, "you your yours u ur ya yourself"},
	{deictic, "it this that them these those him her there here so such something anything everything nothing someone one ones"},
	{be, "'m 's am is are was were be been being 're isn't aren't wasn't weren't isnt arent wasnt werent ain't"},
	{have, "have has had 've haven't hasn't hadn't havent hasnt hadnt"},
	{do, "do does did don't doesn't didn't dont doesnt didnt"},
	{
		modal, `will 'll won't wont can can't cannot cant could couldn't would wouldn't 'd should shouldn't might may
		must mustn't shall`,
	},
	{
		negative, `not never no nor neither don't doesn't didn't dont doesnt didnt isn't aren't wasn't weren't isnt arent
		wasnt werent ain't haven't hasn't hadn't havent hasnt hadnt won't wont can't cannot cant couldn't wouldn't
		shouldn't mustn't`,
	},
	{
		filler, `really actually just also honestly basically definitely absolutely currently now still already simply
		literally totally truly finally kinda certainly obviously personally`,
	},
	{
		adverb, `always usually often sometimes never rarely mostly mainly recently originally normally generally
		typically only almost once hardly seldom occasionally previously probably regularly frequently ever even both
		rather quite maybe perhaps very too barely nearly well`,
	},
	{whWord, "what who whom whose which when where why how what's"},
	{determiner, "a an the this that these those some any every each no all both another"},
	{
		preposition, `in at on to for with from of by about over under into onto near between through during without
		within as than against after before since until till around across behind beyond per via like up out off`,
	},
	{conjunction, "and but so or because although though while plus then yet except whereas nor if cause coz"},
	{subordinator, "when while after before once until whenever since as because although though given"},
	{
		timeWord, `today tomorrow tonight yesterday monday tuesday wednesday thursday friday saturday sunday mondays
		tuesdays wednesdays thursdays fridays saturdays sundays january february march april june july august september
		october november december jan feb mar apr jun jul aug sep sept oct nov dec week weeks month months year years
		day days morning mornings evening evenings afternoon night weekend weekends weekdays summer winter spring autumn
		ago soon lately nowadays last next noon midnight minute minutes hour hours quarter christmas easter`,
	},
	{
		number, `one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
		seventeen eighteen nineteen twenty thirty forty fifty hundred thousand million dozen first second third`,
	},
	{
		smallTalk, `hi hello hey hiya yo greetings thanks thank thx ty cheers ok okay k kk sure yes yeah yep yup no nope
		nah lol lmao haha hahaha hehe wow cool nice great awesome perfect amazing excellent oh ah uh um hmm hm well so
		anyway anyways btw fyi please pls plz bye goodbye sorry ugh damn omg yay hooray alright right indeed welcome wait
		actually honestly seriously frankly luckily unfortunately sadly fortunately correction update note reminder ps
		also additionally besides finally firstly secondly lastly and but folks everyone guys mate buddy dude friend
		again ha huh phew whoa basically good gotcha understood exactly absolutely totally interesting or then now plus
		tbh imo imho`,
	},
	{
		transient, `fine good ok okay great sorry sure back here done ready confused stuck lost curious glad happy
		excited tired hungry thirsty bored busy aware wondering asking talking saying kidding joking serious able well
		alright right wrong thankful grateful new bad sad mad angry upset impressed surprised shocked amazed certain positive
		free available late early close almost finished home awake alive cold hot speechless convinced delighted pleased
		frustrated annoyed flattered honored supposed willing unsure uncertain unable`,
	},
	{
		relation, `wife husband partner spouse girlfriend boyfriend fiance fiancé fiancée fiancee mother mom mum mama
		mommy father dad papa daddy parent parents sister sisters brother brothers sibling siblings son sons daughter
		daughters child children kid kids baby twins uncle aunt cousin cousins nephew niece grandma grandmother grandpa
		grandfather grandparents granddaughter grandson friend friends roommate roommates flatmate neighbor neighbour
		neighbors neighbours boss manager colleague colleagues coworker coworkers co-worker teammate therapist doctor
		dentist teacher professor coach landlord landlady tenant assistant nanny family stepson stepdaughter stepfather
		stepmother ex in-laws mother-in-law father-in-law sister-in-law brother-in-law godmother godfather bestie gp
		physio vet lawyer accountant mentor supervisor client`,
	},
	{
		pet, `dog dogs cat cats puppy puppies kitten kittens parrot rabbit rabbits hamster horse horses fish bird birds
		snake turtle tortoise pig retriever labrador poodle dachshund corgi budgie ferret guinea chicken chickens bunny
		terrier spaniel beagle husky`,
	},
	{
		occupation, `nurse chef cook pilot scientist architect student cto ceo cfo coo vp dev sre dba gp vet
		freelancer intern apprentice trainee clerk consultant accountant attorney lawyer barista mechanic plumber
		electrician carpenter physicist chemist secretary cashier guard soldier judge coach paramedic lead head analyst
		manager teacher doctor dentist professor therapist nanny assistant housewife househusband landlord farmer salesman
		salesperson police policeman policewoman model actress waitress
		stewardess librarian midwife sysadmin founder cofounder co-founder phd postdoc`,
	},
	{
		nationality, `german french spanish portuguese italian english british irish scottish welsh american canadian
		mexican brazilian argentinian chilean colombian peruvian cuban dutch belgian swiss austrian swedish norwegian
		danish finnish icelandic polish czech slovak hungarian romanian bulgarian greek turkish russian ukrainian
		estonian latvian lithuanian croatian serbian bosnian slovenian albanian egyptian moroccan tunisian algerian
		nigerian ghanaian kenyan ethiopian israeli lebanese syrian iraqi iranian persian saudi indian pakistani
		bangladeshi nepali chinese japanese korean vietnamese thai filipino indonesian malaysian singaporean taiwanese
		australian african european asian catholic christian muslim jewish buddhist hindu mormon protestant`,
	},
	{
		diet, `vegetarian vegan pescatarian keto halal kosher gluten-free dairy-free omnivore flexitarian paleo
		celiac coeliac`,
	},
	{marital, "married single engaged divorced widowed separated"},
	{
		attribute, `name nickname surname email e-mail phone number address birthday birthdate timezone age height weight budget
		pronouns zip postcode city hometown nationality religion allergy`,
	},
	{
		event, `meeting deadline appointment interview flight wedding party exam launch release trip conference surgery
		operation concert call presentation anniversary vacation holiday graduation checkup delivery class lesson
		workshop race marathon train birthday reservation booking dinner lunch ceremony funeral demo review`,
	},
	{
		business, `flight order booking reservation appointment ticket tickets refund package parcel subscription account
		table room hotel meeting delivery return payment invoice claim prescription plan case shipment request rental
		confirmation seat seats train trip itinerary membership replacement warranty contract policy card callback`,
	},
	{
		material, `code function functions array arrays json list lists script error errors import imports line lines log logs regex
		query queries command commands method variable loop string option options answer answers version example examples summary
		essay paragraph text texts sentence sentences prompt output input snippet dataset dataframe matrix integer integers equation
		bullet following instructions stacktrace traceback exception`,
	},
	{
		talk, `question questions point mistake apologies opinion understanding guess prompt message request requests concern idea ideas
		doubt doubts clue thoughts fault choice nothing fun`,
	},
	{
		notJob, `member customer user owner beginner newcomer person smoker drinker number believer lover foreigner sleeper reader
		supporter subscriber winner father over under other better older younger eater runner gamer loser visitor mother
		daughter brother sister partner summer winter computer dinner`,
	},
	{vague, "makes works worked helps helped looks sounds seems depends means feels says make work help look matter doesn't"},
	{secret, "password passwort passcode pin cvv cvc ssn passphrase credentials"},
}

var verbLists = []struct {
	kind  class
	words string
}{
	{
		imperative, `write give tell show help explain describe create make generate list find search look summarize
		summarise translate book order send call email remind set add remove delete update change fix check convert
		calculate compute compare suggest recommend plan draft compose edit proofread rewrite rephrase improve shorten
		review run open close play stop start turn schedule cancel reserve pretend act ignore print repeat say try let
		lets let's do be go come keep continue provide analyze analyse design implement build refactor debug test install
		sort count solve define name choose pick answer wish speak respond reply use avoid put get buy read take teach
		guess imagine suppose assume consider hold stay format see talk enter bring confirm verify output return
		remember disregard forget simulate finish complete extract classify rank rate outline brainstorm design
		recite sing draw paint mail ping contact message`,
	},
	{
		mental, `think guess know understand see mean wonder hope suppose agree appreciate thank apologize apologise
		believe wish bet doubt assume imagine disagree realize realise notice say tell ask try check figure promise admit
		reckon remember forget mention note repeat beg follow hear get feel care mind look wait swear recall
		find expect recommend suggest bet copy paste click type`,
	},
	{alone, "smoke drink drive snore dance sing cook swim jog knit ski surf meditate vape gamble paint retire stutter"},
}
