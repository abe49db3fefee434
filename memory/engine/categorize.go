package engine

import (
	"context"
	"strings"
	"sync"
	"unicode"

	"memhook/memory"
)

// Categorize implements memory.Categorizer. A text belongs to a category when it
// has one of its words: those of its name and its description and, where the name
// is one of memory.DefaultCategories, those of the lexicon. What belongs to none
// goes to the category for everything else, if the list has one. It never fails.
func (Local) Categorize(_ context.Context, texts []string, list []memory.Category) ([][]string, error) {
	index := categoriesOf(list)
	sorted := make([][]string, len(texts))
	for i, text := range texts {
		sorted[i] = index.categories(text)
	}
	return sorted, nil
}

// A categoryIndex finds the categories that a word speaks for.
type categoryIndex struct {
	names []string
	words map[string][]int // categories, by the stem of a word
	rest  int              // the category for everything else, -1 when there is none
}

var defaultIndex = sync.OnceValue(func() *categoryIndex { return newCategoryIndex(memory.DefaultCategories) })

func categoriesOf(list []memory.Category) *categoryIndex {
	if len(list) == len(memory.DefaultCategories) && &list[0] == &memory.DefaultCategories[0] {
		return defaultIndex()
	}
	return newCategoryIndex(list)
}

func newCategoryIndex(list []memory.Category) *categoryIndex {
	x := &categoryIndex{words: map[string][]int{}, rest: -1}
	for i, c := range list {
		x.names = append(x.names, c.Name)
		name := strings.ToLower(strings.Join(nameWords(c.Name), "_"))
		if restNames[name] {
			x.rest = i
			continue
		}
		words, known := categoryWords[name]
		for _, w := range strings.Fields(words) {
			x.add(w, i)
		}
		for _, w := range nameWords(c.Name) {
			x.add(strings.ToLower(w), i)
		}
		if known {
			continue // its lexicon is better than what a description shares with others
		}
		for _, w := range strings.FieldsFunc(strings.ToLower(c.Description), notInCategory) {
			const shortest = 4
			if len(w) >= shortest {
				x.add(w, i)
			}
		}
	}
	return x
}

// add lets a word speak for a category, unless it says nothing.
func (x *categoryIndex) add(word string, category int) {
	if ignored[word] || noTopic[word] {
		return
	}
	word = stem(word)
	if list := x.words[word]; len(list) == 0 || list[len(list)-1] != category {
		x.words[word] = append(list, category)
	}
}

func (x *categoryIndex) categories(text string) []string {
	hit := make([]bool, len(x.names))
	found := false
	for _, w := range strings.FieldsFunc(strings.ToLower(text), notInCategory) {
		for _, i := range x.words[stem(w)] {
			hit[i], found = true, true
		}
	}
	if !found && x.rest >= 0 {
		hit[x.rest] = true
	}
	names := []string{}
	for i, name := range x.names {
		if hit[i] {
			names = append(names, name)
		}
	}
	return names
}

func notInCategory(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '’' && !unicode.IsMark(r)
}

// nameWords splits "travel_plans", "Travel plans" and "travelPlans".
func nameWords(name string) []string {
	var words []string
	for _, part := range strings.FieldsFunc(name, notInCategory) {
		begin, last := 0, 'A'
		for i, r := range part {
			if unicode.IsUpper(r) && !unicode.IsUpper(last) {
				words, begin = append(words, part[begin:i]), i
			}
			last = r
		}
		words = append(words, part[begin:])
	}
	return words
}

// restNames are the names of a category for everything else.
var restNames = wordSet(`misc miscellaneous other others general uncategorized uncategorised everything_else`)

// noTopic are words in names and descriptions of categories that say little about
// what belongs there.
var noTopic = wordSet(`category categories everything else something someone people person user customer where when which what
	kind kinds type types based using used uses their there have has been being they them with your well also more most many
	such than then into over under between during about general various example examples including includes etc mentioned
	relevant relating specific current important new old`)

// categoryWords is the lexicon: words that speak for one of the default categories.
// A word may stand under several.
var categoryWords = map[string]string{
	"personal_details": `name named called goes nickname age aged old born birthday birthdate live lives lived living moved
		resides address phone number email e-mail nationality citizen citizenship german french spanish italian british
		american gender pronoun pronouns speaks native language religion passport zip postcode hometown apartment house`,
	"family": `family wife husband partner spouse fiance fiancee fiancé fiancée sister brother sibling siblings mother mom mum father dad
		son daughter child children kid kids baby toddler parent parents grandmother grandma grandfather grandpa grandson
		granddaughter aunt uncle cousin nephew niece twin twins married engaged divorced widow widowed in-laws girlfriend boyfriend
		dog cat pet puppy kitten`,
	"professional_details": `work works worked working job career profession professional employer employed company colleague
		coworker boss manager manages team lead engineer developer nurse doctor teacher designer lawyer accountant architect
		consultant scientist researcher freelance freelancer founder ceo cto startup office salary promotion promoted hired
		interview resume cv project deadline meeting client business industry degree university college study studies studied
		student graduated school phd intern internship retired`,
	"sports": `sport sports football soccer tennis basketball baseball volleyball badminton golf hockey rugby cricket run runs
		running runner marathon jog jogs jogging gym fitness workout cycling cyclist bike bikes biking swim swims swimming yoga pilates climbing
		climbs bouldering ski skis skiing snowboard snowboarding surf surfs surfing hike hikes hiking training trains coach
		match league triathlon boxing judo karate martial rowing`,
	"travel": `travel travels traveled travelled travelling trip trips vacation holiday flight flights fly flies flying
		airport airline hotel hostel airbnb visa passport luggage visit visits visited visiting journey tour cruise itinerary
		abroad backpacking roadtrip booked booking window aisle seat seats train trains beach destination`,
	"food": `food foods eat eats eating ate meal meals breakfast lunch dinner brunch snack cook cooks cooking bake bakes baking
		recipe restaurant cafe cuisine vegan vegetarian pescatarian diet gluten lactose dairy meat beef pork chicken fish sushi
		seafood shellfish pizza pasta noodle noodles rice bread cheese egg eggs milk fruit fruits vegetable vegetables salad soup
		curry taco tacos burger chocolate cake dessert ice-cream icecream sugar spicy spice coffee tea wine beer whisky whiskey cocktail
		juice drink drinks drinking peanut peanuts nut nuts allergic mushroom mushrooms cilantro ramen steak avocado`,
	"music": `music musical musician song songs singer sing sings singing album band concert concerts guitar piano violin drums
		drum cello flute oboe saxophone trumpet jazz rock hiphop rap pop classical techno metal spotify playlist orchestra choir
		festival dj vinyl composer`,
	"health": `health healthy doctor dentist hospital clinic therapy therapist medicine medication pill pills prescription
		dose allergic allergy allergies diabetes diabetic asthma asthmatic migraine migraines headache cancer blood pressure heart surgery injury injured
		pain sick illness ill disease diagnosed symptom pregnant pregnancy vaccine sleep sleeps sleeping insomnia anxiety depression
		stress weight weighs calories intolerant intolerance vitamin vitamins physiotherapy glasses wheelchair`,
	"technology": `technology tech software hardware computer laptop macbook iphone android smartphone tablet ipad app apps
		programming programmer coding python javascript typescript golang java rust linux windows macos database server
		cloud aws api ai llm model robot robotics gadget browser website internet wifi router keyboard monitor vim emacs vscode
		github docker kubernetes postgres redis`,
	"hobbies": `hobby hobbies gardening garden gardens painting paints paint drawing draws knitting knits sewing pottery
		photography photographer photos camera collects collecting collection chess puzzle puzzles woodworking crafts craft diy
		birdwatching astronomy fishing fishes camping camps reading reads writes blog dance dances dancing volunteer volunteers
		board instrument free weekend weekends hike hikes hiking`,
	"fashion": `fashion clothes clothing wear wears wearing dress dresses shirt shirts jeans pants trousers skirt jacket coat
		shoe shoes sneakers boots hat style outfit suit jewelry jewellery watch makeup handbag sweater size`,
	"entertainment": `movie movies film films series show shows tv television netflix disney hbo cinema theater theatre actor
		actress anime manga comic comics game games gaming gamer videogame xbox playstation nintendo podcast podcasts youtube book
		books novel novels fiction sci-fi fantasy thriller documentary comedy reading reads musical museum`,
	"milestones": `milestone anniversary wedding married marries engaged engagement graduated graduation graduates born birth
		birthday promoted promotion retired retirement retires moved relocated bought won award achievement achieved completed finished
		first expecting adopted launched`,
	"user_preferences": `prefer prefers preferred preference favorite favourite like likes liked love loves enjoy enjoys hate hates
		dislike dislikes avoid avoids want wants always never rather fan interested call answer answers reply replies respond speak`,
}
