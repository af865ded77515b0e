"""The key layout of the node's database, and nothing else. Numbers are 8 bytes, big endian, so keys ascend.

    m/<name>                                counters and marks, number
    r/<position>                            record: owner and sealed content
    vn/<half of the digest of the thing>    its last version, number
    v/<owner>/<category>/<keyed digest of the thing><version>  position of a version of a subject's thing
    rc/<category>/<captured><position>      a record, by category; captured in milliseconds, number
    ro/<owner>/<captured><position>         category of a record that belongs to a subject
    rp/<keyed digest of the project><captured><position>  category of a record that its source files under a project
    e/<position>                            entry that waits for publication, 32 bytes
    x/<position>                            index in the log, once published, number
    t/<index>                               entry of the log, 32 bytes: a record's or cover
    n/<level><index>                        complete node of the Merkle tree above the leaves, 32 bytes
    c/<size>                                own checkpoint: signed note and how far the records reach
    cs/<size><member>                       that member's cosignature on it
    ws/<member>                             the checkpoint of its log that this node cosigned last
    wa/<number>                             alarm: another member's log was caught at a fault
    wo/<member>                             number of the alarm about it that is not settled
    a/<client>/<sequence>                   acknowledgement of an append message
    p/<number>                              parked item, sealed
    o/<number>                              outbox item
    f/<number>                              event of the feed
    j/<time>/<digest>                       a wallet request that was taken, until nobody may repeat it
    l/…                                     projection of the ledger (below)
    u/<keyed digest of the credit code>     subject id: the home's own directory
    s/<subject>                             registration: delegation and state, sealed
    sw/<subject>                            a registration that waits for its wallet, sealed
    si/<keyed digest of source and id>      subject and content of what was loaded under a source's identifier
    sl/<subject><the same digest>           the identifiers under which a subject was loaded
    rv/<subject>/<key>                      request for a recovery that this member may confirm, sealed
    q/<subject>/<request digest>            access request that waits for its subject, sealed
    pk/<subject>/<version>                  a package that a subject handed in: its records, sealed
    jb/<subject>/<agreement digest>         a joint bid of the subject that all members signed; its end, number
    rg/<subject>                            what the company register said of it, and when it is asked, sealed
    rw/<due><subject>                       a subject about which the register is to be asked; due in seconds, number
    g/<grant id>                            grant at its home: document, uses
    y/<subject>/<grant id>                  the grants of a subject
    d/<read request digest>                 a read that was answered
    z/<answer digest>                       the history entry that an answer belongs to
    h/<subject>/<number>                    history: who read what, sealed
    hl/<subject>/<time><answer digest>      a read on a legal basis at the subject's home, sealed under the home's key
    ho/<legal request digest>               what came of it, sealed the same: one request is one read
    hz/<answer digest>                      the legal read that an answer belongs to
    hm/<time><answer digest>                such an answer whose receipt is missing; times in milliseconds
    br/<legal request digest>               own request on a legal basis and what became of it, sealed
    bq/<legal request digest>               such a request whose receipt is still to be handed in
    bw/<legal request digest>               what was read under it at another home, sealed
    b/<request digest>                      own access request to another home, its grant and read
    bs/<subject>/<request digest>           the own requests about a subject
    bo/<request digest>                     own request about which something is still to be done
    w/<request digest>/<number>             what was read elsewhere, sealed
    wb/<request digest>/<number>            a read that is set aside: stored, and used for nothing
    wq/<request digest>/<number>            a read of which the home's log is not shown to be witnessed yet
    wc/<request digest>/<number>            the witnessed checkpoint that contains a read
    ar/<subject><number>                    that a lender fetched the proof of its awards, sealed
    i/<application id>                      an application for a guarantee at its guarantor, sealed
    in/<number>                             application id, in the order they came in
    is/<subject><number>                    application id, of one applicant
    ic/<application code digest>            the application that holds a code at this guarantor
    io/<number>                             application id, of those that are not over, in the same order
    iw/<application id>                     an application that waits for the guarantor's rules
    cl/<subject>                            its credit line at this guarantor, sealed under the node's own key
    ch/<line><number>                       position of the record of a state of the line, number
    cv/<subject>/<guarantee id>             a guarantee of this guarantor that is not over, sealed the same
    cg/<guarantee id>                       its subject
    ce/<end><guarantee id>                  the same by its end, seconds, number
    cm/<guarantee id>                       one that has moved: what can be claimed under it is to be counted anew; or
                                            the number of the line's state that does not allow the rise
    cn/<guarantee id>                       one that is on its way to the ledger by this node's outbox
    mo/<order id>                           an order to the core bank and what became of it, sealed
    mp/<order id>                           one that is neither done nor given up
    my/<guarantee id><number>               payment of a claim by the core bank, sealed; number of the claim's step
    mz/<guarantee id><number>               one that is ordered, or paid and not yet on the ledger
    mc/<application id><step>               what the guarantor's own system is told, and what became of it, sealed
    md/<application id><step>               one that is neither done nor given up
    ms/<application id>                     an application at that system: what it has pushed, sealed
    mu/<application id>                     one that is undecided there: its number among the applications
    mf/<application id>                     the file that it made, sealed
    mg/<guarantee id>                       the application that came of its decision
    mm/<guarantee id>                       such a guarantee that has moved: number of the step
    k/<guarantee id>                        a guarantee document that this node holds
    kf/<digest of the file>                 its id: this very file was verified
    kv/<guarantee id><digest>               the document that states a step of it
    kr/<guarantee id><digest>               that a counterparty had that document, and when
    km/<guarantee id><member>               its node has handed in a step, and is told of others
    kp/<number>                             a step's document on its way to a member
    kq/<guarantee id>                       an open claim at its guarantor, and what was told of it, if anything
    ks/<guarantee id>                       attachment and seal of the file that was made of it
    kt/<number>                             a signed PDF of a bank without a node: what it was found to be, sealed
    kc/<digest of its content><number>      that such a file had this content
    gs/<application id>                     what a guarantor signed on a sealed application, sealed
    gn/<nullifier>                          the application that came under a reservation
    op/<opening id>                         an opening of this centre: its terms and notices
    oh/<centre>/<label>                     key for an opening that this member holds shares of, sealed
    or/<request digest>                     a share-release that was given
    oe/<opening id><holder>/<request digest>  a share-release that was obtained
    rs/<number>                             reservation that waits for a batch, and whose it is
    rm/<subject>/<number>                   that this subject's is among them
    rn/<nullifier>                          its number; it is brought to the ledger once
    kn/<guarantor>/<number>/<guarantee id>  that such a guarantee has this number; an honest guarantor has one
    pr/<member>                             log of another member whose archive was imported
    pn/<member>/<size><level><index>        entry (level 0) or node of that log's tree
    px/<member>/<size><position>            a record of it, sealed
    access/<serial>                         certificate of one of the centre's own systems
    config                                  SHA-256 of the configuration of the last start
    acts/<number>                           position of the record of a privileged act, number
    ts/<certificate digest>                 what its authority last said about a certificate
    tl/<address digest>                     a revocation list, while it is news
    lp/a/<size>                             ledger proof under the own anchor of that size
    lp/r/<request digest><number>           ledger proof of what was read elsewhere
    lq/a/<size>                             own anchor that is to be proven
    lq/r/<request digest><number>           read that is to be proven
    vb/<owner>/<category>/<keyed digest of the thing><version>  as v/, of records that are blocked
    er/<number>                             an erasure and what became of it; numbers are those of the list's lines
    el/<number>                             the list's line itself
    eo/<number>                             an erasure that is not done: what is to be purged
    eq/<request digest><number>             the erasures that a wallet request led to
    eh/<until><owner>/<part>                what a legal period holds, in the order in which it ends
    cd/<SHA-256>                            text of a definition that did not come with the software
    pc/<subject>/<receiver>/<consent digest>  a person's consent, sealed
    pw/<subject>/<grant id>                 the owner was told that a consent is lacking under this grant
    nh/<subject>/<member>/<grant id>        positions of what a member read last under a grant
    nd/<subject>                            a subject of which something has a newer version
    nt/<subject>/<member><position>         newer version that a member was told of
    di/<subject>/<dispute digest>           a dispute, sealed
    no/<number>                             a notice to a holder, or a withdrawal on its way to its home; the receipt
    np/<number>                             one that was not answered yet
    na/<subject>/<number>                   the notices about a subject
    ni/<notice digest>                      a notice of another home, and the receipt
    nj/<notice digest>                      one about which something is still to be done
    nx/<subject>/<home>/<notice digest>     a notice of deletion, for answers that are still on their way
    nr/<subject>/<home>/<category>/<thing>  what a home has said of a record that this node holds
    nq/<withdrawal digest>                  number of a withdrawal on its way
    qs/<keyed digest of the section>        what the centre's records say of a section, sealed
    qg/<keyed digest of the section><guarantee id>  a guarantee for a section of this centre that this node holds
    qn/<guarantee id>                       a guarantee that is new here or has moved: its section is to be looked at
    ql/<time><keyed digest of the section>  when a section is looked at again; seconds, 0 for at once
    qo/<keyed digest of the section>        what is owed in a section, and when it is looked at next, sealed
    qd/<day><keyed digest of the section>   that something open falls due on that day; day number, number
    qt/<obligation id>                      what of an obligation was told, `due` or `late`
    section-reading                         digest of what is read of the records of sections
    obligation-rules                        digest of the rules and the calendar that what is owed was derived by
    erasures                                how far this database has followed the list of erasures

Parts that vary in length are closed by a zero byte.
"""

from node.errors import InvalidError

COUNTER = b"m/"
AWARD_READ = b"ar/"
RECORD = b"r/"
VERSION = b"v/"
LAST_VERSION = b"vn/"
OF_CATEGORY = b"rc/"
OF_OWNER = b"ro/"
OF_PROJECT = b"rp/"
ENTRY = b"e/"
INDEX = b"x/"
LEAF = b"t/"
NODE = b"n/"
CHECKPOINT = b"c/"
COSIGNATURE = b"cs/"
WITNESSED = b"ws/"
ALARM = b"wa/"
OPEN_ALARM = b"wo/"
ACKNOWLEDGEMENT = b"a/"
PARKED = b"p/"
OUTBOX = b"o/"
FEED = b"f/"
TAKEN = b"j/"
DIRECTORY = b"u/"
REGISTRATION = b"s/"
WAITING = b"sw/"
LOADED = b"si/"
LOADED_OF = b"sl/"
REQUEST = b"q/"
PACKAGE = b"pk/"
JOINT_BID = b"jb/"
LOOK_UP = b"rg/"
LOOK_UP_DUE = b"rw/"
RECOVERY = b"rv/"
GRANT = b"g/"
GRANT_OF = b"y/"
ANSWER = b"z/"
READ = b"d/"
HISTORY = b"h/"
LEGAL_READ = b"hl/"
LEGAL_OUTCOME = b"ho/"
LEGAL_ANSWER = b"hz/"
LEGAL_RECEIPT_MISSING = b"hm/"
OWN_LEGAL = b"br/"
OWN_LEGAL_OPEN = b"bq/"
OWN_LEGAL_OBTAINED = b"bw/"
OWN_REQUEST = b"b/"
OWN_REQUEST_OF = b"bs/"
OPEN_REQUEST = b"bo/"
OBTAINED = b"w/"
READ_BLOCKED = b"wb/"
UNCORROBORATED = b"wq/"
CORROBORATED = b"wc/"
APPLICATION = b"i/"
APPLICATION_ORDER = b"in/"
APPLICATION_OF = b"is/"
APPLICATION_CODE = b"ic/"
APPLICATION_OPEN = b"io/"
APPLICATION_WAITING = b"iw/"
LINE = b"cl/"
LINE_STATE = b"ch/"
EXPOSURE = b"cv/"
EXPOSURE_OF = b"cg/"
EXPOSURE_MOVED = b"cm/"
EXPOSURE_END = b"ce/"
BANK_ORDER = b"mo/"
BANK_ORDER_OPEN = b"mp/"
CLAIM_PAYMENT = b"my/"
CLAIM_PAYMENT_OPEN = b"mz/"
SYSTEM_CALL = b"mc/"
SYSTEM_CALL_OPEN = b"md/"
SYSTEM_CASE = b"ms/"
SYSTEM_CASE_OPEN = b"mu/"
SYSTEM_FILE = b"mf/"
SYSTEM_ISSUED = b"mg/"
SYSTEM_MOVED = b"mm/"
EXPOSURE_SENT = b"cn/"
GUARANTEE = b"k/"
GUARANTEE_NUMBER = b"kn/"
GUARANTEE_FILE = b"kf/"
GUARANTEE_STEP = b"kv/"
GUARANTEE_STEP_AT = b"kw/"
GUARANTEE_RECEIPT = b"kr/"
GUARANTEE_NODE = b"km/"
GUARANTEE_POST = b"kp/"
GUARANTEE_CLAIM = b"kq/"
GUARANTEE_SEAL = b"ks/"
TAKEN_GUARANTEE = b"kt/"
TAKEN_GUARANTEE_CONTENT = b"kc/"
SECTION = b"qs/"
SECTION_GUARANTEE = b"qg/"
SECTION_NEWS = b"qn/"
SECTION_LOOK = b"ql/"
OBLIGATIONS = b"qo/"
OBLIGATION_DUE = b"qd/"
OBLIGATION_TOLD = b"qt/"
OBLIGATION_RULES = b"obligation-rules"
SECTION_READING = b"section-reading"
SEALED_ISSUE = b"gs/"
SEALED_NULLIFIER = b"gn/"
OPENING = b"op/"
OPENING_KEY = b"oh/"
SHARES_GIVEN = b"or/"
SHARES_OBTAINED = b"oe/"
SHARES_END = b"od/"
RESERVATION_WAITING = b"rs/"
RESERVATION_OF = b"rm/"
RESERVATION_NUMBER = b"rn/"
PREDECESSOR = b"pr/"
PREDECESSOR_NODE = b"pn/"
PREDECESSOR_RECORD = b"px/"
SYSTEM = b"access/"
ACT = b"acts/"
CONFIG = b"config"
STATUS = b"ts/"
REVOCATION_LIST = b"tl/"
ANCHOR_PROOF = b"lp/a/"
READ_PROOF = b"lp/r/"
ANCHOR_TO_PROVE = b"lq/a/"
READ_TO_PROVE = b"lq/r/"
VERSION_BLOCKED = b"vb/"
ERASURE = b"er/"
ERASURE_LINE = b"el/"
ERASURE_OPEN = b"eo/"
ERASURE_OF = b"eq/"
ERASURE_HELD = b"eh/"
CONSENT = b"pc/"
CONSENT_LACKING = b"pw/"
HOLDER = b"nh/"
CHANGED = b"nd/"
TOLD = b"nt/"
DISPUTE = b"di/"
NOTICE = b"no/"
NOTICE_OPEN = b"np/"
NOTICE_ABOUT = b"na/"
NOTICE_OF = b"nq/"
NOTICE_IN = b"ni/"
NOTICE_IN_OPEN = b"nj/"
RECALL = b"nx/"
REMARK = b"nr/"
ERASURE_MARK = b"erasures"
DEFINITION = b"cd/"

LEDGER_CURSOR = b"l/cursor"
LEDGER_MEMBER = b"l/member/"
LEDGER_SUBJECT = b"l/subject/"
LEDGER_GRANT = b"l/grant/"
LEDGER_ANCHOR = b"l/anchor/"
LEDGER_GUARANTEE = b"l/guarantee/"
LEDGER_GUARANTEE_STEP = b"l/guarantee-step/"
LEDGER_OPENING = b"l/opening/"
LEDGER_RESERVATION = b"l/reservation/"
LEDGER_RESERVED_ON = b"l/reserved-on/"
LEDGER_RESERVED_DAY = b"l/reserved-day"
LEDGER_PROPOSAL = b"l/proposal/"
LEDGER_TRUST = b"l/trust/"
LEDGER_TRUST_VERSION = b"l/trust-version"
LEDGER_CONTRACT = b"l/contract/"
LEDGER_CATEGORY = b"l/category/"
LEDGER_CATALOGUE = b"l/catalogue"
LEDGER_CALENDAR = b"l/calendar/"
LEDGER = b"l/"


def number(value: int) -> bytes:
    """8 bytes, big endian.

    Raises:
        InvalidError: nothing is counted by such a number; somebody asks for what cannot be.
    """
    try:
        return value.to_bytes(8, "big")
    except OverflowError as error:
        raise InvalidError(f"nothing has the number {value}; numbers count from 0") from error


def from_number(raw: bytes) -> int:
    """The inverse of `number`."""
    return int.from_bytes(raw, "big")


def text(*parts: str) -> bytes:
    """Parts of varying length, each closed by a zero byte."""
    return b"".join(part.encode() + b"\0" for part in parts)


def level(at: int) -> bytes:
    """Common beginning of the keys of one level of the tree; at level 0 lie entries, not hashes."""
    return NODE + bytes([at]) if at else LEAF


def node(at: int, index: int) -> bytes:
    """Key of a tree node, or of the entry under a leaf."""
    return level(at) + number(index)


def of_category(category: str) -> bytes:
    """Common beginning of the keys by which the records of a category are listed."""
    return OF_CATEGORY + text(category)


def last_version(thing: bytes) -> bytes:
    """Key of a thing's last version.

    Half of the digest tells things apart as well, and these keys lie in no order: LevelDB writes them often.
    """
    return LAST_VERSION + thing[: len(thing) // 2]


def versions(owner: str, category: str) -> bytes:
    """Common beginning of the version keys of all things in a category."""
    return VERSION + text(owner, category)
