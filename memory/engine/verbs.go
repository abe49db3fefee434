package engine

import "strings"

// regularVerbs double their last letter before an ending where marked with +.
const regularVerbs = `live reside work study own like love hate prefer enjoy dislike adore want need play use train collect
practice practise support suffer attend belong manage volunteer commute travel watch cook order purchase move start finish
graduate receive visit marry divorce adopt join sign book return cancel switch upgrade decide retire relocate learn play
follow hope agree believe wonder appreciate thank apologize guess suppose wish imagine assume realize notice ask look check
promise admit reckon remember mention note help explain describe create generate list search summarize translate remind add
remove delete update change fix convert calculate compute compare suggest recommend plan+ draft compose edit proofread
rephrase improve shorten review open close stop+ turn schedule reserve pretend ignore print repeat try continue provide
analyze design implement refactor debug+ test install sort count solve define name pick answer avoid turn treat smoke snore
dance jog+ surf ski meditate vape gamble paint celebrate plant garden bake grill exercise hike climb camp fish hunt crochet
sew subscribe deploy migrate host develop maintain program+ code train shop+ trade invest save earn owe pay+ rent share
raise expect deliver arrive ship+ crash fail die pass happen miss call text email message contact reach charge bill refund
damage scratch stain repair replace clean wash park commute walk listen talk chat+ discuss mention invite host visit stay
travel land depart board pack unpack apply accept reject resign quit+ launch publish post stream record film photograph
photo edit perform compete race kick box wrestle row golf bowl skate skateboard snowboard cycle bike ride wake nap+ snack
diet fast weigh measure injure recover heal treat diagnose prescribe vaccinate faint vomit bleed cough sneeze ache
register enroll enrol resubscribe report complain request demand offer promote hire lay handle process issue arrange
reschedule confirm place submit file transfer book upload download configure enable disable reset activate rename assign
escalate notify approve extend renew dispatch pursue major minor specialize focus aim intend consider train switch speak
translate interpret tutor coach mentor supervise organize organise run lead+ depend rely identify consist contain include
cost+ last live own possess store carry drop+ attach connect crave tolerate fear worry struggle wear visit date propose
separate engage baby-sit babysit care adopt foster name rescue feed born want wish rate visit chair audit advise consult
practice preach pray worship vote campaign protest donate serve enlist battle defend guard plan grow+ mind matter mow
freelance telecommute moonlight intern end cheat lie trust respect admire miss attend observe practise stutter reply respond
require renovate decorate assemble cancel restart reboot wipe mail post total
expire vary leak bark melt smell seem appear overheat malfunction roll sprain twist pull bruise fracture
belong benefit concern cover decline delay demand deserve drain emit escape exist expand fit+ flood glow hum+ invest jam+ kick
lock lag+ snow rain spill stall tilt touch trip+ vibrate weaken double halve rust rot+ owe`

// irregularVerbs has a verb's base form and its past forms in each line.
const irregularVerbs = `
have had
buy bought
get got gotten
go went gone
meet met
sell sold
break broke broken
lose lost
win won
quit quit
leave left
choose chose chosen
bear born
grow grew grown
drive drove driven
drink drank drunk
eat ate eaten
run ran
read read
write wrote written
speak spoke spoken
teach taught
take took taken
wear wore worn
lead led
make made
give gave given
tell told
say said
think thought
know knew known
understand understood
see saw seen
mean meant
feel felt
find found
keep kept
sleep slept
spend spent
send sent
build built
bring brought
begin began begun
come came
become became
fall fell fallen
fly flew flown
forget forgot forgotten
hear heard
hurt hurt
hit hit
put put
set set
let let
cut cut
cost cost
hold held
pay paid
ride rode ridden
ring rang rung
sing sang sung
swim swam swum
sit sat
stand stood
show showed shown
steal stole stolen
swear swore sworn
throw threw thrown
wake woke woken
catch caught
draw drew drawn
feed fed
fight fought
hang hung
hide hid hidden
lend lent
bite bit bitten
blow blew blown
freeze froze frozen
bleed bled
shoot shot
shut shut
split split
knit knit
learn learnt
burn burnt
dream dreamt
bet bet
teach taught
sting stung
rise rose risen
tear tore torn
undergo underwent undergone`

// third returns the verb's form after he or she: live, lives.
func third(base string) string {
	switch base {
	case "have":
		return "has"
	case "be":
		return "is"
	}
	n := len(base)
	switch {
	case strings.HasSuffix(base, "ch"), strings.HasSuffix(base, "sh"), n > 0 && strings.ContainsRune("sxzo", rune(base[n-1])):
		return base + "es"
	case endsInConsonantY(base):
		return base[:n-1] + "ies"
	}
	return base + "s"
}

func past(base string, doubled bool) string {
	n := len(base)
	switch {
	case doubled:
		return base + base[n-1:] + "ed"
	case strings.HasSuffix(base, "e"):
		return base + "d"
	case endsInConsonantY(base):
		return base[:n-1] + "ied"
	}
	return base + "ed"
}

func gerund(base string, doubled bool) string {
	n := len(base)
	switch {
	case doubled, strings.Contains(" get run swim sit cut put set let quit win hit forget shut begin split knit ", " "+base+" "):
		return base + base[n-1:] + "ing"
	case strings.HasSuffix(base, "ie"):
		return base[:n-2] + "ying"
	case strings.HasSuffix(base, "e") && !strings.HasSuffix(base, "ee") && base != "be":
		return base[:n-1] + "ing"
	}
	return base + "ing"
}

func endsInConsonantY(s string) bool {
	n := len(s)
	return n > 1 && s[n-1] == 'y' && !strings.ContainsRune("aeiou", rune(s[n-2]))
}

// singular returns a noun without its plural ending.
func singular(s string) string {
	switch s {
	case "children":
		return "child"
	case "kids":
		return "kid"
	case "mice":
		return "mouse"
	case "people":
		return "person"
	case "diabetes", "series", "species", "news", "always":
		return s
	case "movies", "cookies", "brownies", "shoes", "selfies", "hoodies", "ties", "pies", "toes", "zombies":
		return s[:len(s)-1]
	}
	n := len(s)
	switch {
	case n < 4 || s[n-1] != 's' || strings.HasSuffix(s, "ss") || strings.HasSuffix(s, "us") || strings.HasSuffix(s, "is"):
		return s
	case strings.HasSuffix(s, "ies") && n > 4:
		return s[:n-3] + "y"
	case strings.HasSuffix(s, "ches"), strings.HasSuffix(s, "shes"), strings.HasSuffix(s, "sses"), strings.HasSuffix(s, "xes"):
		return s[:n-2]
	case strings.HasSuffix(s, "oes"):
		return s[:n-2]
	}
	return s[:n-1]
}
