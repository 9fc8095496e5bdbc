"""Calls, blows and dances of the Bandai-Namco data sets: contents of one take or two."""

from __future__ import annotations

from motiongen_data_prep.captions import Content

ACTIONS: dict[str, Content] = {
    "call-behind": Content(
        plain=("[call] someone, hands behind the back at first, then with the right hand raised",),
        phrases=(
            "([lean]|[bend]) forward with both hands behind {their} back and then ([call]|[beckon]) with the right "
            "hand (up|raised)",
            "([call]|[call] out to) <someone>, hands behind the back at first, then with the right hand raised",
            "[put] both hands behind {their} back, [call] out and [raise] the right hand",
            "([bend]|[lean]) forward, hands behind the back, and then [beckon] with the right hand",
            "[call] out to <someone> and ([lift]|[raise]) the right hand at the end",
        ),
        where="<there>",
    ),
    "call-shout": Content(
        plain=("[cup] both hands around {their} mouth and [shout]",),
        phrases=(
            "([call]|[shout]|[yell]) (out |)to <someone> with both hands (at|around|in front of) {their} mouth",
            "[cup] both hands around {their} mouth and ([shout]|[call]|[yell])",
            "([raise]|[lift]|[put]) both hands to {their} mouth and ([call] out|[shout]|[yell])",
            "([shout]|[yell]|[call]) to <someone> far away through (both|cupped) hands",
            "[lean] forward and ([call] out|[shout]), hands around {their} mouth",
            "[make] a megaphone of {their} hands and ([shout]|[call])",
        ),
        nouns=("a <adj> (shout|call) through both hands",),
        where="<there>",
    ),
    "punch-left": Content(
        plain=("[punch] with the left hand", "[throw] several left jabs"),
        phrases=(
            "([punch]|[strike]|[hit] out|[jab]) with (the|{their}) left (hand|fist) (<again>|)",
            "[throw] (several|some|a few|) left (jabs|punches) (from <stance>|)",
            "([jab]|[punch]) with {their} left fist (from <stance>|like a boxer)",
            "([box]|[shadowbox]|[spar]), (striking|punching|jabbing) with the left hand",
            "[stand] in <stance> and ([punch]|[jab]|[strike]) with the left (hand|fist)",
        ),
        nouns=("<adj> left (jabs|punches)", "a <adj> series of left (jabs|punches)"),
        clauses=("with the left (hand|fist), @ [punch]", "@'s left fist (jabs|punches|strikes)"),
        actors="boxer.they^3|fighter.they",
    ),
    "punch-both": Content(
        plain=("[throw] punches with both fists", "[punch] several times with the left and the right hand"),
        phrases=(
            "[throw] (punches|combinations|combinations of punches|jabs and hooks) with both (fists|hands)",
            "([punch]|[strike]|[hit] out) with (both (fists|hands)|the left and the right (hand|fist)|one fist and "
            "then the other) (<again>|)",
            "[throw] combinations of punches from <stance>",
            "([box]|[shadowbox]|[spar]), (striking|punching) with both (hands|fists) (in turn|by turns|alternately)",
            "[stand] in <stance> and [punch] with both (hands|fists)",
        ),
        nouns=("<adj> punches with both (fists|hands)", "a <adj> boxing combination with both fists"),
        clauses=("with both (hands|fists), @ [punch]",),
        actors="boxer.they^3|fighter.they",
    ),
    "kick": Content(
        plain=("[kick] with the right leg and [spin] around", "[do] roundhouse kicks with {their} right leg"),
        phrases=(
            "[kick] with (the|{their}) right (leg|foot) and ([spin]|[turn]|[whirl]) (all the way |)around",
            "([throw]|[do]|[perform]) (several|some|) (spinning|roundhouse|turning) kicks with (the|{their}) right "
            "leg (<again>|)",
            "[stand] in <stance> and [kick] with the right (foot|leg)",
            "[kick] high with (the|{their}) right leg, (turning|spinning) all the way around to the left",
            "[spin] to the left and [kick] out with the right (leg|foot)",
        ),
        nouns=("a <adj> (roundhouse|spinning|turning) kick with the right (leg|foot)",),
        clauses=("with the right (leg|foot), @ [kick] while spinning",),
        actors="martial artist.they^2|fighter.they|kickboxer.they|karateka.they",
    ),
    "slash-down": Content(
        plain=("[slash] downward with a sword held in both hands",),
        phrases=(
            "([slash]|[cut]|[strike]|[hack]|[chop]) (downward|down|downwards) with a (sword|two-handed sword|blade) "
            "(held |)in both hands (<again>|)",
            "([swing]|[bring]) a (sword|blade|katana) down from (above|over) {their} head with both hands",
            "[raise] both hands (overhead|above {their} head) and [cut] down with a (sword|blade|katana)",
            "[strike] downward with a two-handed (sword|blade) <again>",
            "[lift] a (sword|blade|katana) and [bring] it down <again>",
        ),
        nouns=("<adj> downward (cuts|slashes|strikes) with a sword",),
        actors="swordsman.he^2|samurai.they^2|knight.they|warrior.they",
    ),
    "slash-combo": Content(
        plain=("[slash] from side to side with a sword held in both hands",),
        phrases=(
            "([slash]|[cut]|[swing]) from side to side with a (sword|blade|katana) (held |)in both hands (<again>|)",
            "[swing] a (two-handed sword|sword|katana) in (several|many|quick) (cuts|slashes)",
            "([perform]|[do]) a (series|combination|combo) of sword (cuts|slashes) with both hands",
            "[fight] with a sword, slashing <again>",
            "[cut] with a sword in both hands, turning {their} body with every swing",
        ),
        nouns=("a <adj> combination of sword (cuts|slashes)",),
        actors="swordsman.he^2|samurai.they^2|knight.they|warrior.they",
    ),
    "dance-short": Content(
        plain=("[dance]", "[dance] with big arm movements and spins", "[do] a dance routine"),
        phrases=(
            "[dance]",
            "[dance]",
            "[dance] (with big arm movements|with spins and kicks|with energy|on the spot|around|wildly|freely|for "
            "fun)",
            "([perform]|[do]|[show]) (a|an energetic|a lively) dance (routine|) (with (kicks|spins) and turns|)",
            "[dance] a lively routine, (spinning and jumping|turning and kicking)",
            "([do]|[perform]|[practice]) a (dance|dance routine|choreography)",
            "[dance] on the spot, turning around and swinging both arms",
            "([show] off|[perform]) {their} dance moves",
            "[bust] a move",
        ),
        nouns=("a <adj> (dance|dance routine|choreography|dance performance)",),
        actors="dancer.they^3|performer.they",
    ),
}
ACTIONS["dance-long"] = ACTIONS["dance-short"]
