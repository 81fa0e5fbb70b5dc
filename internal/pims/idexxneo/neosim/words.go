package neosim

// Every name in this file is invented or a common given name; every phone number (see phoneNumber) is kept free for fiction.

// typeWords are the type words of NEO.md §Calendar, and a few that contain several of them.
var typeWords = []string{
	"Exam", "Checkup", "Wellness", "Well Visit", "Vaccination", "Vaccine", "Surgery", "Procedure", "Dental", "Emergency",
	"Urgent", "Follow-up", "Recheck", "Diagnostic", "Consultation", "Grooming",
	"Exam", "Wellness Exam", "Vaccination", "Checkup", "Dental Procedure", "Post-surgery Recheck", "wellness_exam",
}

var urgentWords = []string{"Emergency", "Urgent", "Emergency Exam"}

var blockTitles = []string{"Team meeting", "Stock take", "Cleaning", "Rep visit", "Phone calls"}

var firstNames = []string{
	"Ada", "Ben", "Carla", "Dmitri", "Elena", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Kaya", "Liam", "Mina", "Noah",
	"Olga", "Pavel", "Quinn", "Rosa", "Samir", "Tess", "Uma", "Viktor", "Wanda", "Xenia", "Yusuf", "Zara", "Jean-Luc",
	"Zoë", "François", "Søren", "Mária", "Łucja", "Nguyên", "美咲", "Mary Ann", "Ali",
}

var plainLastNames = []string{
	"Amberfield", "Birchwood", "Cloverley", "Dunmarrow", "Elmsworth", "Fennimore", "Greystoke-Hill", "Hollowell",
}

var lastNames = append([]string{
	"O'Brien", "D'Angelo", "van der Meer", "Müller-Lüdenscheidt", "Ångström", "Núñez", "Çelik", "Nowak", "Null", "Tan",
	"Smith-Jones", "MacAllister", "de la Cruz", "Øvergård", "山田", "حداد", "Ivanova", "Quickwater", "Redfern",
	"Silverlake", "Thornbury", "Underhill", "Vexley", "Winterbourne", "Yarrow", "Zelenka",
}, plainLastNames...)

var petNames = []string{
	"Luna", "Bella", "Max", "Charlie", "Milo", "Coco", "Rocky", "Daisy", "Simba", "Nala", "Oreo", "Pepper", "Biscuit",
	"Waffles", "Mochi", "Tofu", "Pickles", "Ziggy", "Moose", "Bear", "Ginger", "Shadow", "Willow", "Hazel", "Olive",
	"Juno", "Kiwi", "Mango", "Noodle", "Peanut", "Queenie", "Rusty", "Socks", "Tigger", "Ursa", "Velvet", "Whisky",
	"Xena", "Yoshi", "Zorro", "Archie", "Bramble", "Clover", "Dobby", "Echo", "Figaro", "Gizmo", "Hobbes", "Iggy", "Jasper",
}

var petTitles = []string{"Mr.", "Miss", "Sir", "Lady", "Little", "Captain", "Old", "Princess", "Baby", "Doctor", "Agent"}

var awkwardPetNames = []string{
	"Zoë", "Señor Bigotes", "Ångström", "Łatek", "🐾 Biscuit", "Max 🐶", "👩‍⚕️ Florence", "شمس", "מוקה", "ポチ", "Éclair",
	"Cafe\u0301 au Lait", "O'Malley", `"Whiskers" Noir`, "Tom & Jerry", "<b>Bold</b>", "Null", "7", "A/B", `C:\Paws`,
}

type kind struct {
	species string
	breeds  []string
}

var kinds = []kind{
	{"Canine", []string{"Labrador Retriever", "Mixed", "Dachshund", "Border Collie", "Münsterländer"}},
	{"Canine", []string{"Poodle", "Beagle", "Boxer", "Mixed"}},
	{"Feline", []string{"Domestic Shorthair", "Maine Coon", "Siamese", "Mixed"}},
	{"Feline", []string{"Domestic Longhair", "Ragdoll"}},
	{"Rabbit", []string{"Lop", "Rex"}},
	{"Avian", []string{"Cockatiel", "African Grey"}},
	{"Reptile", []string{"Bearded Dragon"}},
}

var reasons = []string{
	"Annual check", "Itchy ears", "Limping, left hind leg", "Vomiting since yesterday", "Booster due", "Not eating",
	"Nail trim", "Eye discharge", "Post-op check", "Lump on shoulder", "Coughing at night", "Diarrhoea – 3 days",
	"Weight check & diet talk", "New puppy!", "2nd opinion", "Tooth broken <urgent?>",
}

const longReason = "Owner called twice; says the animal is restless at night, drinks more than usual, and has hidden under the " +
	"sofa since the fireworks. Has tried boiled rice and pumpkin. Would like to talk about insurance as well, and asks whether " +
	"the sibling can come along. Please call back before 10:00 if the slot has to be moved; voicemail is fine. " +
	"Previously seen elsewhere, records were requested by e-mail."

var complaints = []string{
	"Owner reports vomiting since yesterday evening", "Itching for two weeks, worse at night", "Eating and drinking normally",
	"Limping after a walk in the woods", "Bright, alert; no concerns at home", "Coughing in the mornings",
	"Drinks more than usual", "Owner says \"not herself\"", "Lethargic since Tuesday; ate 1/2 of breakfast",
}

var findings = []string{
	"Mild erythema of both ear canals, BP: 130/85", "Heart and lungs clear; abdomen soft, non-painful", "BCS 6/9, coat dull",
	"Grade 2 dental tartar, gingiva inflamed", "CRT < 2 s, mm pink & moist", "Pain on extension of the left hip",
	"Lymph nodes of normal size. Meds: none at present", "T 38.9 °C, slightly dehydrated (~5 %)",
}

var assessments = []string{
	"Otitis externa", "Gastroenteritis, most likely dietary", "Healthy animal", "Soft tissue injury", "Periodontal disease, stage 2",
	"Atopic dermatitis – suspected", "Overweight", "Early chronic kidney disease; DDx hyperthyroidism",
}

var plans = []string{
	"Ear drops twice daily for 10 days, recheck in 2 weeks", "Bland diet; call if no better by Friday", "Vaccines given today",
	"Rest for 7 days, pain relief with food", "Dental cleaning to be booked", "Bloodwork sent, results tomorrow → call owner",
	"Diet 180 g/day; weigh in again in 4 wks",
}

var addenda = []string{
	"owner called, doing better", "lab results within normal limits", "sutures look fine", "dose corrected to 0,5 mg/kg",
}

var discharges = []string{
	"Give one tablet twice daily with food for 7 days.\nCall us if vomiting returns.",
	"Rest for one week. No stairs, no jumping. Tracking № 12 – bring this sheet along.",
	"<p>Keep the cone on until the <b>recheck</b>.</p><p>Feed small meals &amp; fresh water.</p>",
	"Nothing special: a healthy animal 🎉",
}

var products = []string{
	"Consultation fee", "Vaccine DHPP", "Ear cytology", "Meloxicam 1.5 mg/ml", "Nail trim", "Blood panel, small",
}
