"""The styles that only the first Bandai-Namco data set has: moods and characters, in words."""

from __future__ import annotations

from motiongen_data_prep.captions import Style

MOODS: dict[str, Style] = {
    "angry": Style(
        plain=("an angry person.they|an angry man.he|a furious person.they", "in anger|in an angry way|as if furious"),
        people="angry (person.they|man.he|woman.she|boss.they|customer.they|neighbor.they)^6|furious (person.they|"
        "man.he|woman.she)^4|raging man.he|mad (man.he|person.they)|enraged (person.they|man.he)|grumpy (man.he|"
        "person.they)|irate (customer.they|man.he)|hot-tempered man.he|cross (mother.she|teacher.they)|fuming man.he",
        likes="raging bull.it|thundercloud.it",
        feels="angry^7|furious^5|mad^3|enraged^2|irritated^2|irate|annoyed^2|in a bad temper|in a rage^2|fuming|full "
        "of rage|livid|outraged|cross|beside {themselves} with rage|seething|boiling with anger|pissed off|"
        "bad-tempered|upset and angry|infuriated|hot with anger|steaming mad",
        ways="angry^6|furious^4|enraged|irritated|bad-tempered|wrathful|aggressive^2|hot-tempered|irate|hostile",
        adverbs="angrily^6|furiously^4|crossly^2|madly|irritably|in anger^2|wrathfully|aggressively^2|irately|with "
        "rage|grumpily|violently",
        tails="in anger|full of rage|with (anger|rage|fury|wrath)^3|in a (bad temper|rage|fury|bad mood|huff|"
        "temper)^4|looking angry|with clenched (fists|teeth)^2|fuming (with anger|)|boiling with rage|as if looking "
        "for a fight|out of (anger|rage|fury)|in a fit of (anger|rage|temper)^2|after (a quarrel|a fight|an "
        "argument)^2|with a frown|with an angry face|mad at someone",
        gait="with angry steps|with (hard|heavy|quick), angry steps|stomping {their} feet in anger|with an angry "
        "(gait|walk|stride)",
        walks="[storm]^3|[stomp] angrily|[march] angrily|[stalk] angrily",
    ),
    "childish": Style(
        plain=(
            "a child.they|a little kid.they|a small child.they|a playful kid.they",
            "like a child|like a little kid|in a childish way",
        ),
        people="child.they^5|little kid.they^2|kid.they^4|small child.they^2|playful (kid|child).they^2|little "
        "(boy.he|girl.she)^4|boy.he|toddler.they^2|preschooler.they^2|kindergartner.they|five-year-old.they^2|"
        "six-year-old boy.he|young child.they^2|schoolchild.they|tot.they|infant.they|small boy.he",
        feels="childish^4|childlike^3|playful^4|like a child^2|a child|naughty|silly|as innocent as a child|immature|"
        "like a little kid|mischievous|infantile",
        ways="childish^6|childlike^4|playful^4|silly|infantile|kiddish|innocent|immature|naughty|mischievous|kid's",
        adverbs="playfully^5|childishly^5|innocently|immaturely|naughtily|infantilely|like kids|mischievously",
        tails="as children do^2|as kids do^2|in a childlike manner|with childlike (joy|innocence|energy|"
        "playfulness)^3|with a child's (joy|energy|innocence)^2|as if (playing|in a game|at play|in kindergarten|on a "
        "playground)^3|in the way kids do|as if five years old|with kid's movements|for play",
        gait="with playful steps|with (small|little|tiny|playful), childish steps|with a child's steps|with a "
        "childlike (gait|walk)",
        walks="[toddle]^3|[skip] along playfully|[prance] playfully|[waddle] like a toddler",
        bodies="kid.they^4|child.they^3|boy.he^3|girl.she^3|person.they^3|little one.they",
    ),
    "chimpira": Style(
        plain=(
            "a thug.he|a punk.he|a swaggering gangster.he|a street tough.he",
            "like a thug|like a punk|with a swagger",
        ),
        people="thug.he^5|punk.he^5|gangster.he^5|hoodlum.he^3|swaggering gangster.he|street tough.he^2|hooligan.he^2|"
        "delinquent.they^2|yakuza.he^3|mobster.he|ruffian.he^2|bully.he^2|cocky (man|guy|youth|punk).he^3|gang "
        "member.he^2|street thug.he^2|tough street kid.he|lout.he|rowdy.he|villain.he|troublemaker.he|swaggering (man|"
        "guy|lout).he^2",
        feels="cocky^3|insolent^2|arrogant and rude|swaggering^2|rude|like a thug|thuggish^3|a thug|rowdy|impudent|"
        "menacing|tough and cocky|a gangster|delinquent|loutish",
        ways="thuggish^5|swaggering^4|cocky^4|insolent^2|rude, swaggering|gangster^2|loutish|rowdy|punkish|menacing|"
        "delinquent|impudent|bullying|yakuza",
        adverbs="cockily^4|insolently^3|thuggishly^2|rudely^2|loutishly|with a swagger^3|menacingly|impudently|with "
        "cocky arrogance|rowdily",
        tails="with a swagger^3|in a rude, swaggering way|with (cocky|thuggish|insolent) (arrogance|attitude|"
        "shoulders)^2|with a gangster('s|) attitude|as if looking for (trouble|a fight)^2|as (thugs|punks|gangsters|"
        "hoodlums) do^2|with hunched, swinging shoulders|with attitude|trying to look (tough|menacing)^2|picking a "
        "fight|throwing {their} weight about|with street attitude",
        gait="with swaggering steps^2|swinging {their} shoulders|with a (swaggering|gangster|thuggish|cocky) (gait|"
        "walk|strut)^3",
        walks="[swagger]^6|[strut] like a thug|[slouch] like a punk",
        bodies="man.he^5|guy.he^4|fellow.he^2|person.they^3|youth.he^2|dude.he",
    ),
    "giant": Style(
        plain=(
            "a giant.it|a huge giant.it|a lumbering giant.it",
            "like a giant|as if huge and heavy|like a huge monster",
        ),
        people="giant.it^7|huge giant.it|lumbering giant.it|ogre.it^2|troll.it^2|colossus.it^2|titan.it^2|huge "
        "(man.he|creature.it|monster.it|beast.it)^4|gigantic (man.he|person.they|creature.it|being.it)^3|enormous "
        "(man.he|creature.it|being.it)^2|towering (giant.it|figure.it)|giant (man.he|monster.it|robot.it)^2|"
        "cyclops.it|massive (man.he|creature.it)|golem.it",
        likes="elephant.it^2|mammoth.it|dinosaur.it|godzilla.it|giant robot.it|mountain troll.it",
        feels="huge^4|gigantic^4|enormous^3|huge and heavy^2|massive^3|colossal^2|towering|titanic|as tall as a "
        "house^2|very big and heavy|a giant|immensely heavy|as big as a tree|monstrously big|ponderous",
        ways="gigantic^3|giant^5|ponderous^3|lumbering^3|heavy, giant|massive|colossal|monstrous|titanic|"
        "earth-shaking|giantlike",
        adverbs="heavily^4|ponderously^4|weightily^2|colossally|with enormous weight^2|with huge weight|thunderously|"
        "lumberingly",
        tails="in the manner of a giant|with enormous weight|with (great|huge|gigantic|massive|colossal) (weight|mass|"
        "bulk|limbs|force)^3|as if (huge|gigantic|a giant|the size of a house|ten meters tall|weighing tons|made of "
        "stone)^4|as giants do|towering over everything|shaking the (ground|earth)^2|with massive movements|"
        "making the (earth|ground|floor) shake",
        gait="with heavy steps|with heavy, stomping steps^2|with (huge|giant|gigantic|thundering|earth-shaking|"
        "massive), heavy (steps|strides|footsteps)^3|with a giant's (steps|strides|gait)|with thundering feet",
        walks="[lumber]^5|[stomp] heavily|[tramp] heavily|[thud] heavily",
        bodies="man.he^3|person.they^2|creature.it^3|monster.it^2|being.it^2|figure.it",
    ),
    "happy": Style(
        plain=(
            "a happy person.they|a cheerful person.they|a happy man.he",
            "in a happy mood|with joy|in a cheerful way",
        ),
        people="happy (person.they|man.he|woman.she|guy.he|winner.they)^6|cheerful (person.they|man.he|woman.she)^5|"
        "joyful (person.they|man.he|woman.she)^3|merry (man.he|fellow.he)|delighted (person.they|man.he)^2|smiling "
        "(person.they|man.he|woman.she)^2|lottery winner.they|jolly (fellow.he|man.he)^2|jubilant (person.they|"
        "fan.they)|glad (person.they|man.he)",
        likes="person who won the lottery.they^2|person in love.they^2|person with good news.they",
        feels="happy^8|cheerful^5|joyful^4|delighted^3|glad^3|overjoyed^2|in a good mood^3|merry^2|in high spirits^2|"
        "jolly|full of joy^2|elated|thrilled|pleased^2|jubilant|ecstatic|beaming|very happy^2|on cloud nine|excited "
        "and happy|blissful|upbeat|content and happy",
        ways="happy^6|cheerful^5|joyful^4|merry^2|jolly^2|gleeful|jubilant|delighted|upbeat|blissful|joyous|cheery",
        adverbs="happily^6|cheerfully^5|joyfully^5|merrily^2|gladly^2|gleefully|blissfully|with joy^2|with delight|"
        "delightedly|jubilantly|cheerily|joyously",
        tails="in a happy mood|with joy^2|full of joy^2|in high spirits^2|with (a smile|a big smile|a happy face|a "
        "grin|great joy|delight|happiness|glee)^4|smiling|grinning|beaming with joy|laughing|in a good mood^2|out of "
        "(joy|happiness)|as if {they} had won the lottery|after (good news|winning a prize)^2|in great spirits|as if "
        "in love|with a cheerful heart|jumping for joy inside",
        gait="with a spring in the step^2|with a spring in {their} step^2|with (light|bouncy|skipping), happy steps|"
        "with a happy (gait|walk|bounce)^2",
        walks="[skip] happily|[stroll] cheerfully|[bounce] happily along|[prance] happily|[saunter] happily",
    ),
    "musical": Style(
        plain=(
            "a person listening to music.they|a musical person.they|someone grooving to music.they",
            "to music|to the beat|in rhythm with music",
        ),
        people="person listening to music.they^3|musical person.they^2|person grooving to music.they|dancing "
        "person.they|music lover.they^2|(guy|man) listening to music.he|woman listening to music.she|person with "
        "headphones.they^3|musician.they^2|hip hop dancer.they|rhythmic person.they^2|music fan.they|teenager with "
        "headphones.they|groovy (person.they|guy.he)^2|rapper.he",
        likes="dancer hearing a song.they|person at a concert.they|person in a musical.they|pop singer.they|person at "
        "a disco.they",
        feels="in the groove^2|musical^3|rhythmic^2|caught by the beat|moved by a song|in rhythm with a song|groovy^2|"
        "swayed by music",
        ways="musical^5|rhythmic^5|rhythmical^3|groovy^3|dance-like^2|dancing^2|swinging|bouncy, rhythmic|grooving",
        adverbs="rhythmically^6|musically^4|to the rhythm^2|groovily|in time with music^2|in rhythm^2|with rhythm^2|"
        "with a groove|to a beat|in tempo",
        tails="to music^2|to the (beat|rhythm|music|tune|groove)^4|in rhythm with music|as if (dancing to|listening "
        "to|hearing) (music|a song)^3|to the rhythm of a song|with (the|a) (beat|rhythm|groove)^2|to a song|keeping "
        "time with (a song|the music)|while listening to music^2|with headphones on|bobbing {their} head to music|as "
        "in a musical|in time to (music|a beat)|grooving (to music|to a song|)",
        gait="with rhythmic steps|with dancing steps|with (dancing|grooving|swinging), rhythmic steps|with a rhythmic "
        "(gait|walk)|stepping on the beat",
        walks="[groove]^2|[dance] along|[bop] along^2|[boogie] along",
    ),
    "not-confident": Style(
        plain=(
            "a timid person.they|a shy person.they|an insecure person.they|a nervous man.he",
            "without confidence|in an insecure way|as if afraid",
        ),
        people="timid (person.they|man.he|woman.she|boy.he)^5|shy (person.they|man.he|woman.she|girl.she)^5|insecure "
        "(person.they|man.he)^4|nervous (person.they|man.he|woman.she)^4|scared (person.they|man.he)|anxious "
        "(person.they|man.he)^2|bashful (person.they|boy.he)|unsure (person.they|man.he)^2|coward.they|"
        "wallflower.they|introvert.they^2|meek (person.they|man.he)|hesitant (person.they|man.he)|new student.they|"
        "frightened person.they|self-conscious (person.they|teenager.they)",
        likes="scared mouse.it^2|frightened rabbit.it|person with stage fright.they^2|newcomer.they|person afraid of "
        "being seen.they",
        feels="timid^5|shy^6|insecure^5|nervous^5|unsure^3|not confident^4|scared^2|anxious^3|hesitant^2|bashful^2|"
        "self-conscious^2|afraid^2|uncertain^2|lacking confidence^2|intimidated|embarrassed|worried^2|uneasy^2|"
        "fearful|low in self-esteem|unsure of {themselves}^2|meek|diffident|awkward and shy|apprehensive",
        ways="timid^5|shy^5|insecure^4|nervous^4|hesitant^4|unconfident^3|bashful^2|uncertain^2|fearful|anxious^2|"
        "meek|diffident|cowardly|tentative^2|self-conscious|sheepish",
        adverbs="timidly^5|nervously^5|shyly^5|hesitantly^5|insecurely^2|bashfully^2|uncertainly^2|anxiously^3|"
        "fearfully|tentatively^2|meekly^2|uneasily|without confidence^2|sheepishly|diffidently|unsurely|"
        "self-consciously",
        tails="without confidence^2|with little confidence^2|with no (confidence|self-confidence)^2|as if afraid|in a "
        "timid manner|with (fear|hesitation|anxiety|doubt|shyness|stage fright|low self-esteem|nerves)^3|lacking "
        "(confidence|self-confidence)^2|with hunched shoulders|avoiding attention|hoping not to be noticed|afraid of "
        "being (seen|watched|judged)^2|in front of strangers|with {their} shoulders pulled in|as if (unsure|scared|in "
        "doubt|ashamed|worried)^3|unsure of {themselves}|with lowered eyes|looking around nervously",
        gait="with hesitant steps^2|with (small|careful|tentative|nervous|uncertain), (timid|hesitant|shy|nervous) "
        "steps^3|with a (timid|shy|hesitant|nervous) (gait|walk)^2",
        walks="[creep] timidly|[slink] nervously|[tiptoe] timidly|[edge] timidly along|[sneak] shyly",
    ),
    "proud": Style(
        plain=(
            "a proud person.they|a proud man.he|a haughty person.they",
            "with pride|in a proud way|with the head held high",
        ),
        people="proud (person.they|man.he|woman.she|winner.they|father.he|king.he|general.he)^6|haughty (person.they|"
        "man.he|lady.she)^3|king.he^3|emperor.he^2|champion.they^2|nobleman.he|aristocrat.they^2|arrogant "
        "(person.they|man.he|king.he)^3|conceited (person.they|man.he)^2|self-important (person.they|man.he)^2|"
        "pompous (person.they|man.he)^2|snob.they|queen.she|general.he|vain (person.they|man.he)|boastful man.he|"
        "celebrity.they|lord.he",
        likes="peacock.it^3|rooster.it|gold medal winner.they|person of rank.they",
        feels="proud^7|haughty^3|arrogant^4|self-satisfied|conceited^2|full of pride^3|very important^2|"
        "self-important^2|pompous^2|superior^2|boastful|vain|triumphant|smug|proud of {themselves}^3|majestic|"
        "stuck-up|lordly|noble and proud|overconfident|full of {themselves}",
        ways="proud^6|haughty^4|arrogant^4|pompous^3|majestic^2|self-important^2|lordly|conceited^2|superior|"
        "dignified|regal|kingly|boastful|high and mighty|imperious",
        adverbs="proudly^7|haughtily^4|arrogantly^4|pompously^3|majestically^2|regally|with pride^2|conceitedly|"
        "boastfully|imperiously|smugly|grandly|self-importantly",
        tails="with pride^2|with (the|{their}) chest (out|puffed out|swelled)^3|with (the|{their}) head held high^3|"
        "as if very important^2|with {their} nose in the air^2|full of pride|head held high|chest out|with (great|"
        "much) pride|after winning (a medal|a prize)|as if {they} {are} (the boss|better than everyone|a king|on a "
        "throne)^3|as (kings|winners|lords) do|with a puffed chest|in triumph|with (arrogance|dignity|"
        "self-importance)^2|looking down on others|holding {their} head high|chin up",
        gait="with proud steps|with (long|stately|measured), proud (steps|strides)|with a proud (gait|walk|stride)|"
        "with a strut",
        walks="[strut]^5|[parade]^3|[stride] proudly|[march] proudly|[swank] proudly",
    ),
    "sad": Style(
        plain=(
            "a sad person.they|a sad man.he|a depressed person.they",
            "in a sad mood|with sadness|as if heartbroken",
        ),
        people="sad (person.they|man.he|woman.she|guy.he|girl.she)^7|depressed (person.they|man.he|woman.she)^5|"
        "heartbroken (person.they|man.he|woman.she)^3|grieving (widow.she|man.he|person.they)^2|mourner.they^2|"
        "unhappy (person.they|man.he|woman.she)^3|gloomy (person.they|man.he)^2|dejected (person.they|man.he|"
        "loser.they)^2|melancholy man.he|miserable (person.they|man.he)^2|widower.he|crying (person.they|man.he)|"
        "disappointed (person.they|man.he|fan.they)^2|lonely man.he|sorrowful (person.they|man.he)",
        likes="person at a funeral.they^2|person whose heart is broken.they|person who lost everything.they|loser.they",
        feels="sad^8|depressed^5|unhappy^4|heartbroken^3|gloomy^3|dejected^2|downcast^2|miserable^2|melancholic^2|in "
        "a sad mood^2|sorrowful^2|blue|down^2|grieving^2|feeling down|full of grief|disappointed^2|hopeless|in tears|"
        "close to tears|despondent|mournful|devastated|feeling blue|low|crestfallen|in low spirits|disheartened",
        ways="sad^6|gloomy^4|mournful^3|depressed^4|sorrowful^3|melancholy^2|dejected^2|miserable|heartbroken|"
        "downcast|unhappy^2|grieving|joyless|doleful",
        adverbs="sadly^7|gloomily^4|mournfully^3|unhappily^3|sorrowfully^3|dejectedly^2|miserably|with sadness^2|in "
        "sorrow|joylessly|dolefully|glumly|despondently",
        tails="in a sad mood^2|with sadness^2|with the head hanging^2|as if heartbroken|with (grief|sorrow|a heavy "
        "heart|tears in {their} eyes|a broken heart|a sad face|drooping shoulders and a sad look)^4|hanging {their} "
        "head^2|in tears|crying|sobbing|weeping|in (sorrow|grief|despair|misery|mourning|a depression)^4|after (bad "
        "news|a breakup|a funeral|losing a friend|a defeat|losing the game)^4|with {their} head hung low^2|as if at a "
        "funeral^2|out of sadness|as if about to cry^2|with a long face|down in the dumps|looking at the floor, sad",
        gait="with slow, sad steps^2|with (heavy|slow|dragging), (sad|mournful|gloomy|unhappy) steps^2|with a sad "
        "(gait|walk)",
        walks="[mope] along^3|[trudge] sadly|[shuffle] sadly|[slouch] sadly",
    ),
    "tired": Style(
        plain=(
            "a tired person.they|a weary person.they|a tired man.he",
            "in a tired way|as if very tired|like a tired person",
        ),
        people="tired (person.they|man.he|woman.she|guy.he|worker.they|commuter.they)^7|weary (person.they|man.he|"
        "traveller.they|worker.they)^5|sleepy (person.they|man.he|student.they)^3|drowsy (person.they|man.he)^2|"
        "jet-lagged traveller.they|sluggish (person.they|man.he)^2|yawning (person.they|man.he)|night shift "
        "worker.they|person who has just woken up.they",
        likes="person who slept badly.they^2|person after a long day.they^2|person before the first coffee.they|"
        "sleepwalker.they|sloth.it",
        feels="tired^8|weary^5|sleepy^4|drowsy^3|sluggish^3|very tired^3|half asleep^2|in need of (sleep|rest)|short "
        "of sleep|lethargic^2|tired and sleepy|ready for bed|wearied|jet-lagged|listless|rather tired|in want of a "
        "nap|yawning",
        ways="tired^6|weary^5|sleepy^4|drowsy^2|sluggish^4|lethargic^2|listless^2|droopy|lazy, tired|languid",
        adverbs="tiredly^6|wearily^6|sluggishly^4|sleepily^4|drowsily^2|lethargically^2|listlessly|with tiredness|"
        "languidly|droopily",
        pace="slowly and tiredly|slowly and wearily|slowly from tiredness",
        tails="as if very tired|with weariness^2|with drooping shoulders^2|with (tiredness|heavy limbs|tired limbs|"
        "sagging shoulders|hanging shoulders|tired eyes|heavy eyelids)^4|after (a long day|work|a long day at work|a "
        "bad night|a short night|a long flight|the night shift)^5|in need of sleep|half asleep^2|out of (tiredness|"
        "weariness)|yawning|as if (sleepy|half asleep|just out of bed|about to fall asleep on the sofa)^3|at the end "
        "of a long day^2|early in the morning, tired",
        gait="with tired steps^2|with (slow|heavy|sluggish), (tired|weary|sleepy) steps^2|with a (tired|weary|"
        "sluggish) (gait|walk)^2",
        walks="[trudge] wearily|[shuffle] sleepily|[plod] tiredly|[amble] sleepily",
    ),
}
