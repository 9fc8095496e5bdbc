"""How the fifteen and the seven styles of the two Bandai-Namco data sets look, in words; `normal` has hardly any."""

from __future__ import annotations

from motiongen_data_prep.bandai_moods import MOODS
from motiongen_data_prep.captions import Style

_MEN = "man.he^4|guy.he^3|fellow.he|bloke.he|dude.he|male.he|person.they"
_WOMEN = "woman.she^5|lady.she^3|girl.she^2|female.she|person.they^2"
_OLD = Style(
    plain=(
        "an old person.they|an elderly person.they|an old man.he|an old woman.she",
        "like an old person|like an elderly person|like an old man",
    ),
    people="old man.he^3|elderly person.they^3|old woman.she^2|grandfather.he^2|grandmother.she^2|senior.they^2|"
    "pensioner.they^2|elderly man.he^2|elderly woman.she^2|elderly lady.she|old lady.she^2|grandpa.he|granny.she|"
    "grandma.she|old person.they^3|senior citizen.they^2|retiree.they|frail old (man.he|woman.she|person.they)|"
    "ninety-year-old.they|eighty-year-old man.he|very old (person.they|man.he)|aged (person.they|man.he)|hunched old "
    "man.he|old fellow.he|old-timer.they|elder.they|great-grandfather.he|old granny.she|nursing home resident.they|"
    "geriatric.they|old gentleman.he",
    feels="old^4|elderly^3|aged^2|frail^2|very old|advanced in years|getting on in years|decrepit|feeble with age|"
    "stiff with age|arthritic|senile|bent with age|hunched by age|ancient|weak with age|over eighty|in {their} "
    "eighties|fragile and old|rickety|stiff and old",
    ways="elderly^4|aged|frail|doddering|senile|geriatric|stiff old|old-age|creaky|rickety|decrepit",
    adverbs="stiffly^2|feebly^2|shakily|frailly|arthritically|creakily|with difficulty from age|unsteadily with age|"
    "ricketily|rigidly with age|infirmly",
    pace="slowly, as the old do|slowly and stiffly^2|slowly with a bent back|slowly like a senior|at an old person's "
    "pace|at a pensioner's pace",
    tails="with (a bent|a hunched|an aching|a stooped|a crooked|a stiff|a bad) back^4|as if very old|at an old age|"
    "with old age|with (stiff|creaking|aching|old|arthritic|weak|rusty) (joints|bones|knees|limbs)^3|in old age|with "
    "the weight of years|with aged (limbs|bones)|with rheumatism|with back pain of old age|stooped with age|as if "
    "{they} {are} (eighty|ninety)|with shaky old (limbs|legs)|as if needing a cane|as if on a walking stick|bent over "
    "with age|with the stiffness of age|(hunched|stooped) and stiff",
    gait="with slow, stiff steps|with short, shuffling steps|with (small|short|tiny), (stiff|shaky|unsteady|careful) "
    "(old|elderly) steps|(hobbling|tottering|shuffling|doddering) along|with shuffling feet|with an old person's gait|"
    "as if leaning on a cane|with a stick|with the (gait|walk|steps) of an (old man|elderly person|aged person)|with "
    "bent knees and a stooped back",
    walks="[hobble]^3|[totter]^3|[shuffle]^4|[dodder]^2|[toddle] like a granny|[shamble] like an old man|[limp] "
    "stiffly along",
    bodies="person.they^5|man.he^4|woman.she^3|lady.she^2|gentleman.he^2|fellow.he|human.they|figure.it|"
    "character.they|guy.he",
)
_FEMININE = Style(
    plain=(
        "a woman.she|a lady.she|an elegant woman.she|a graceful woman.she",
        "in a feminine way|like a woman|like a lady",
    ),
    people="woman.she^5|lady.she^4|girl.she^3|elegant (woman|lady).she^2|graceful (woman|lady|girl).she^2|female "
    "model.she^2|fashion model.she^2|ballerina.she|princess.she^2|queen.she|diva.she|young lady.she|actress.she|"
    "female dancer.she|noblewoman.she|female.she^2|dainty (girl|woman|lady).she|catwalk model.she|beauty queen.she|"
    "girly girl.she|pretty woman.she|hostess.she|duchess.she|maiden.she|delicate (woman|lady|girl).she|lady in high "
    "heels.she|feminine (woman|person).she^2",
    likes="supermodel.she|swan.it|geisha.she|female ballet dancer.she",
    feels="feminine^4|ladylike^3|womanly^3|girly^2|elegant^3|graceful^3|dainty^2|delicate^2|very feminine|effeminate|"
    "demure|charming|coquettish|elegant and feminine|soft and feminine|refined|girlish|gracious",
    ways="feminine^5|ladylike^3|womanly^3|girly^2|elegant^3|graceful^3|dainty^2|delicate^2|effeminate|girlish|soft "
    "feminine|refined|gentle feminine|female|coquettish|charming|womanlike",
    adverbs="gracefully^4|elegantly^4|daintily^3|delicately^2|femininely|with elegance|with grace^2|gracefully and "
    "softly|softly and elegantly|coquettishly|girlishly|demurely|charmingly|exquisitely|with charm",
    tails="with feminine (grace|charm|elegance|softness|poise)^3|with (grace|elegance|delicacy|charm|poise|female "
    "grace)^2|with swaying hips^2|swaying {their} hips^2|with a sway of the hips|with {their} hips swinging|as women "
    "do|as ladies do|with soft and graceful (movements|motions|limbs)|with a woman's (grace|elegance|charm)|with "
    "(dainty|delicate|soft) (movements|gestures)|in heels|as if in high heels|as if wearing a (dress|gown|skirt)|with "
    "girly movements|with lithe elegance",
    gait="with dainty steps|with (small|light|delicate|elegant|graceful), (feminine|ladylike|dainty|swaying) steps^2|"
    "as on a (catwalk|runway)^2|with one foot in front of the other like a model|with swinging hips|with a feminine "
    "gait|with a (woman's|lady's|model's|sashaying|feminine) (walk|gait)|with {their} knees close together",
    walks="[sashay]^4|[glide] elegantly|[sway] along|[flounce]|[mince]^2|[walk] the catwalk|[sweep] gracefully",
    bodies=_WOMEN,
)
_MASCULINE = Style(
    plain=(
        "a manly man.he|a tough man.he|a burly man.he|a macho man.he",
        "in a masculine way|like a tough man|in a manly way",
    ),
    people="manly man.he^3|tough (man|guy).he^4|burly (man|guy|fellow).he^3|macho (man|guy).he^4|strong man.he^3|"
    "muscular (man|guy).he^3|bodybuilder.he^3|soldier.he^2|cowboy.he^2|lumberjack.he|bouncer.he^2|he-man.he|alpha "
    "male.he^2|brawny man.he|virile man.he|real man.he|action hero.he|strongman.he|wrestler.he|masculine (man|"
    "person).he^3|rugged man.he|sturdy man.he|broad-shouldered man.he^2|sergeant.he|weightlifter.he|dominant male.he|"
    "warrior.he|big strong (man|guy).he|tough male.he",
    feels="masculine^4|manly^4|macho^3|tough^3|virile|burly|muscular^2|strong and manly|rugged|brawny|very masculine|"
    "sturdy|broad-shouldered|strong and broad|hefty|beefy|stout and strong|full of testosterone|tough and manly",
    ways="masculine^5|manly^5|macho^3|tough^2|virile|rugged|brawny|male^2|muscular|burly|strong and manly|soldierly|"
    "blokeish|robust|man's",
    adverbs="firmly^2|robustly^2|manfully^2|sturdily|ruggedly|with a firm bearing|toughly|mannishly|solidly|virilely"
    "|firmly and broadly|strongly like a man|stoutly",
    tails="with masculine (strength|power|firmness|force)^3|with (a broad chest|broad shoulders|puffed muscles|big "
    "muscles|manly strength|male strength)^2|with the shoulders (squared|wide|broad)|with a man's (strength|bearing|"
    "build)|as men do|with (a wide|a broad|a firm) stance|showing off {their} muscles|flexing {their} muscles|with "
    "(firm|broad|solid|strong) (male |manly |)movements|with lots of testosterone|with the strength of a man|as "
    "strong men do|with legs wide apart|with arms held wide|in a strong and manly way",
    gait="with broad, firm steps|with (wide|broad|big|heavy|long|firm), (manly|masculine|macho|confident) (steps|"
    "strides)^3|with (a wide|a manly|a macho|a masculine|a man's|a cowboy's|a soldier's) (gait|walk|stride)^2|with "
    "feet wide apart|with broad shoulders swinging|bow-legged like a cowboy",
    walks="[stride] manfully|[march] like a soldier|[stride] broad-shouldered|[tramp] manfully|[stride] with wide "
    "shoulders",
    bodies=_MEN,
)
_YOUTHFUL = Style(
    plain=(
        "a young person.they|a young man.he|a youth.they|a teenager.they",
        "like a young person|with youthful energy|in a youthful way",
    ),
    people="young person.they^4|young man.he^3|young woman.she^2|youth.they^3|teenager.they^4|teen.they^2|"
    "adolescent.they^2|youngster.they^3|high school student.they^2|college student.they^2|schoolboy.he|schoolgirl.she|"
    "lad.he|young (guy|fellow|adult|athlete|girl).they^3|teenage (boy.he|girl.she|kid.they)^2|student.they|"
    "juvenile.they|twenty-year-old.they|eighteen-year-old.they|young lad.he|skateboarder.they|young dancer.they|"
    "freshman.they|lively youth.they",
    likes="boy band member.he|young deer.it",
    feels="young^5|youthful^5|very young|young and fresh|young and lively|fresh and young|full of youth|in {their} "
    "teens|in {their} early twenties|juvenile|young and springy|light and young|spry|young at heart|boyish|teenage|"
    "young and carefree",
    ways="youthful^6|young^2|teenage^2|juvenile^2|boyish|light, youthful|springy|fresh, young|light-footed|bouncy "
    "youthful|carefree youthful|sprightly",
    adverbs="youthfully^3|lightly^2|youthfully and lightly|springily|bouncily|with youth|freshly|sprightly|"
    "light-footedly|with ease and youth|boyishly|nimbly",
    tails="with youthful (energy|vigor|ease|lightness|freshness|spirit|bounce)^4|with a light, bouncy movement^2|with "
    "the (energy|ease|lightness|vigor|freshness) of youth^3|with the ease of a teenager|as young people do^2|as "
    "teenagers do|in {their} youth|as the young do|with (light|springy|fresh), (young|youthful|bouncy) (movements|"
    "limbs)|as if {they} {are} (eighteen|sixteen|twenty)|with a young body|with the spirit of youth|at a young age|as "
    "kids at college do",
    gait="with light, springy steps^2|with (light|bouncy|springy|easy), (young|youthful|teenage) steps^2|with a "
    "(bouncy|springy|light) young (gait|walk|step)|with a youthful (gait|walk|stride)^2|with the (gait|steps|walk) of "
    "a (teenager|young person|youth)|bouncing lightly|light on {their} feet",
    walks="[bounce] along lightly|[bound] along youthfully|[trip] lightly along|[walk] with a youthful bounce",
    bodies="person.they^4|man.he^3|woman.she^2|guy.he^2|girl.she^2|boy.he^2|human.they|figure.it|adult.they|fellow.he|"
    "athlete.they",
)
_EXHAUSTED = Style(
    plain=(
        "an exhausted person.they|a worn-out person.they|an exhausted man.he",
        "in an exhausted way|as if exhausted|completely worn out",
    ),
    people="exhausted (person.they|man.he|woman.she|runner.they|worker.they|soldier.they|athlete.they|traveller.they|"
    "hiker.they)^6|worn-out (person.they|man.he|worker.they|traveller.they)^3|zombie-like person.they|drained "
    "(person.they|man.he)^2|fatigued (person.they|woman.she|soldier.they)^2|dead-tired (person.they|man.he|"
    "worker.they)^2|burned-out worker.they|marathon finisher.they|breathless (man.he|person.they|runner.they)|"
    "drooping man.he|overworked (man.he|nurse.she|employee.they)|spent (runner.they|athlete.they|boxer.they)|"
    "completely tired person.they",
    likes="zombie.it^2|wrung-out rag.it|marathon runner at the finish.they|person after a marathon.they|runner after "
    "a long race.they|someone who has not slept for days.they|soldier after a long march.they|person without any "
    "strength.they",
    feels="exhausted^7|worn out^4|drained^3|fatigued^3|spent^2|dead tired^2|dead on {their} feet|completely tired|"
    "wiped out|burned out|out of energy^2|out of breath^2|bone-tired|ready to drop|about to collapse^2|about to drop|"
    "knackered|dog-tired|utterly exhausted|out of strength|beat|short of breath|too tired to stand|drained of energy|"
    "on {their} last legs|at the end of {their} strength|shattered|very fatigued|overtired|pooped|fagged out|worn to "
    "the bone|half dead from fatigue",
    ways="exhausted^5|worn-out^3|drained^2|fatigued^2|limp|dragging|strengthless|drooping|dead-tired|spent|burned-out|"
    "breathless|powerless|debilitated",
    adverbs="exhaustedly^3|limply^2|breathlessly^2|with the last of {their} strength^2|weakly|with no energy^2|"
    "without strength^2|without energy|powerlessly|with utter fatigue|strengthlessly|floppily|with heavy fatigue|"
    "droopingly|barely|hardly able to|on {their} last legs",
    pace="slowly and limply|slowly and weakly|slowly, worn out|slowly from exhaustion",
    tails="with all strength gone^2|completely worn out^2|gasping for breath^2|with no strength^3|with no energy at "
    "all^3|out of exhaustion|from exhaustion|with the last (bit|ounce) of strength|at the end of {their} strength|"
    "panting (heavily|hard|for air)|with drooping arms|with dangling arms|as if about to (collapse|drop|faint|fall "
    "asleep|fall over)^4|after (a marathon|a long run|a long march|running for hours|a sleepless night|days without "
    "sleep|a hard workout|an exhausting day|climbing a mountain|hours of hard labor|two days of work)^6|dead on "
    "{their} feet|drained of (all |)(energy|strength)|in a state of (collapse|exhaustion|fatigue)|with (total|great|"
    "heavy|severe) (exhaustion|fatigue)^2|as though all energy is gone|hardly able to stand|barely able to keep "
    "upright|slumped over|running on empty|with {their} body drooping|with limp limbs|with a limp body|huffing and "
    "puffing",
    gait="with exhausted, dragging steps^2|dragging {their} feet^3|dragging {themselves} along^2|with (heavy|dragging|"
    "leaden|weak|limp), (exhausted|worn-out|drained) steps^2|with legs like lead^2|hardly lifting {their} feet^2|on "
    "legs of lead|barely able to walk|with feet that drag|with an exhausted (gait|walk)|with the (gait|steps) of "
    "someone worn out|with wobbly, exhausted legs|stumbling from fatigue",
    walks="[trudge]^4|[drag] {themselves}^4|[plod] wearily|[stagger] limply|[stumble] wearily|[slog]^2|[schlep]|"
    "[drag] {their} feet|[traipse] limply|[shamble] limply|[lurch] tiredly|[slouch] along limply",
)
_ACTIVE = Style(
    plain=(
        "an energetic person.they|an active person.they|a lively man.he",
        "in an active way|full of energy|with great energy",
    ),
    people="energetic (person.they|man.he|woman.she|guy.he|worker.they)^5|active (person.they|man.he|woman.she)^4|"
    "lively (person.they|man.he|woman.she|fellow.he)^3|dynamic (person.they|man.he)^2|vigorous (person.they|man.he)^2|"
    "sporty (person.they|man.he|woman.she)^2|fitness (trainer|instructor|coach).they^2|busy (person.they|"
    "businessman.he)|cheerleader.she|gym teacher.they|enthusiastic (person.they|fan.they|worker.they)^2|bustling "
    "(person.they|man.he)|personal trainer.they|aerobics instructor.they|motivated (person.they|worker.they)|"
    "hyperactive (person.they|man.he)|athletic (person.they|man.he)|go-getter.they|spirited (person.they|man.he)|"
    "peppy person.they",
    likes="bundle of energy.it|person full of energy.they^2|person who has had a lot of coffee.they|live wire.it",
    feels="energetic^6|active^5|lively^4|vigorous^3|dynamic^3|full of energy^4|full of vigor^2|full of life|wide "
    "awake|enthusiastic^2|motivated|eager^2|hyperactive|pumped up|bursting with energy^2|fired up|spirited|full of "
    "drive|animated^2|zestful|brisk|wide-awake and active|peppy|bouncing with energy|zippy|perky|busy|hyped up|full "
    "of pep|agile and active",
    ways="energetic^6|active^6|lively^4|vigorous^4|dynamic^4|brisk^2|spirited^2|animated^2|enthusiastic^2|bustling|"
    "powerful|sporty|bouncy|zestful|peppy|zippy|agile|exaggerated, lively|big, energetic|athletic",
    adverbs="energetically^6|actively^5|vigorously^4|dynamically^3|with energy^3|with vigor^2|enthusiastically^2|"
    "eagerly^2|animatedly|with zest|with gusto^2|with verve|with enthusiasm|athletically|zestfully|spiritedly|with "
    "drive|with lots of energy^2|lively|with great vigor",
    pace="briskly^4|quickly^3|swiftly^2|rapidly|fast and energetically|at a brisk pace^2|speedily|quickly and "
    "energetically|hastily|in a hurry|hurriedly|in haste|busily",
    tails="in an active way|full of energy^2|with great energy^2|in a lively manner^2|with vigor|with a lot of "
    "(energy|power|pep|drive|vigor)^3|in high gear|with (big|large|wide|broad|powerful), (energetic|lively|active) "
    "(movements|motions|gestures)^3|bursting with energy|brimming with energy|with (full|much|boundless|high|lots of|"
    "plenty of) (energy|vigor)^3|as if on a workout|with athletic energy|as if {they} had slept well|full of (life|"
    "drive|vigor|vitality|pep)^2|with (vitality|dynamism|momentum|spirit|liveliness)^2|as in a (gym class|workout|"
    "fitness class)|as if charged with energy",
    gait="with (brisk|bouncing|quick|lively|energetic|springy|swift) steps^4|with (long|big), (brisk|energetic|"
    "lively) strides^3|swinging {their} arms (energetically|vigorously|briskly)^3|with a (brisk|lively|energetic|"
    "dynamic|vigorous|active) (gait|walk|pace|stride)^3|with vigorous arm swings|with pumping arms",
    walks="[walk] briskly|[stride] energetically|[march] energetically|[hurry]^2|[bustle]^2|[hasten]|[stride] briskly|"
    "[scurry]",
)
STYLES: dict[str, Style] = {
    "normal": Style(
        adverbs="normally^3|casually^2|calmly^2|naturally^2|ordinarily|regularly|as usual|simply",
        tails="(at|with) a normal (pace|speed)|in a (normal|natural|usual|casual|relaxed|neutral|regular|everyday|"
        "standard) (way^3|manner^2|fashion|style)^4|like (anyone else|a normal person|an ordinary person|an average "
        "person)|as (usual|always|people do)|without (any |)(special manner|hurry|emotion)|in no special way|with a "
        "neutral expression",
        casual=True,
    ),
    "active": _ACTIVE,
    "feminine": _FEMININE,
    "masculine": _MASCULINE,
    "elderly": _OLD,
    "exhausted": _EXHAUSTED,
    "youthful": _YOUTHFUL,
    # The two data sets name two styles differently.
    "old": _OLD,
    "masculinity": _MASCULINE,
    **MOODS,
}
