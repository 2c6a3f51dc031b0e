"""Who trades in the demo world (pure)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """An invented leader and how it trades. Money is whole USDT; `target` and `stop` are in 1/10,000 of the price.

    `foresight` is how many of 100 orders go the way that the price will sooner take.
    """

    external_id: str
    nickname: str = ""  # the normalised form has no place for one
    words: str = ""
    symbols: tuple[str, ...]
    deposit: int
    stake: int
    leverage: int
    orders_a_day: int
    target: int
    stop: int
    foresight: int
    days: int = 45
    silent_hours: int = 0
    isolated: bool = False
    normalised: bool = False
    hides_positions: bool = False
    one_way: bool = False
    hedges: bool = False
    doubles: bool = False
    rests_flat: bool = False


PERSONAS = (
    Persona(
        external_id="9000000000000000001",
        nickname="Harbour Swing",
        words="Few positions, held for days. Copy with low leverage.",
        symbols=("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT"),
        deposit=40_000,
        stake=9_000,
        leverage=5,
        orders_a_day=4,
        target=350,
        stop=450,
        foresight=95,
    ),
    Persona(
        external_id="9000000000000000002",
        nickname="Tick Weaver",
        words="Many small trades, most of them over within the hour.",
        symbols=("BTCUSDT", "ETHUSDT", "DOGEUSDT", "SOLUSDT", "XRPUSDT"),
        deposit=12_000,
        stake=3_000,
        leverage=50,
        orders_a_day=14,
        target=70,
        stop=110,
        foresight=85,
    ),
    Persona(
        external_id="9000000000000000003",
        nickname="Double Or Dust",
        words="Never takes a loss.",
        symbols=("1000PEPEUSDT", "DOGEUSDT"),
        deposit=6_000,
        stake=900,
        leverage=75,
        orders_a_day=6,
        target=60,
        stop=180,
        foresight=50,
        doubles=True,
        days=16,
    ),
    Persona(
        external_id="9000000000000000004",
        nickname="Quiet Lantern",
        words="Patience is a position.",
        symbols=("BTCUSDT", "BNBUSDT", "ETHUSDT"),
        deposit=25_000,
        stake=6_000,
        leverage=3,
        orders_a_day=3,
        target=300,
        stop=300,
        foresight=75,
        silent_hours=96,
    ),
    Persona(
        external_id="9000000000000000005",
        nickname="Veiled Current",
        words="Positions are for copiers only.",
        symbols=("ETHUSDT", "SOLUSDT", "HYPEUSDT"),
        deposit=18_000,
        stake=4_000,
        leverage=20,
        orders_a_day=5,
        target=250,
        stop=300,
        foresight=85,
        hides_positions=True,
    ),
    Persona(
        external_id="9000000000000000006",
        nickname="Evening Flat",
        words="In and out; nothing is held overnight.",
        symbols=("BTCUSDT", "XRPUSDT"),
        deposit=15_000,
        stake=5_000,
        leverage=20,
        orders_a_day=4,
        target=80,
        stop=100,
        foresight=70,
        rests_flat=True,
    ),
    Persona(
        external_id="9000000000000000007",
        nickname="Two-Way Ferry",
        words="Long and short of one coin, whichever pays first.",
        symbols=("HYPEUSDT", "BTCUSDT", "XRPUSDT"),
        deposit=20_000,
        stake=4_000,
        leverage=10,
        orders_a_day=6,
        target=200,
        stop=300,
        foresight=60,
        hedges=True,
    ),
    Persona(
        external_id="9000000000000000008",
        nickname="One Lane",
        words="One-way mode: one direction at a time, and turns often.",
        symbols=("BTCUSDT", "SOLUSDT", "DOGEUSDT"),
        deposit=10_000,
        stake=2_500,
        leverage=15,
        orders_a_day=5,
        target=220,
        stop=200,
        foresight=70,
        one_way=True,
    ),
    Persona(
        external_id="9000000000000000009",
        nickname="Meme Orchard",
        words="Only coins with a face.",
        symbols=("1000PEPEUSDT", "DOGEUSDT", "HYPEUSDT"),
        deposit=8_000,
        stake=700,
        leverage=25,
        orders_a_day=6,
        target=400,
        stop=200,
        foresight=20,
        days=30,
        isolated=True,
    ),
    Persona(
        external_id="9000000000000000010",
        nickname="Basis Gardener",
        words="Slow and small.",
        symbols=("BNBUSDT", "XRPUSDT", "ETHUSDT", "DOGEUSDT"),
        deposit=60_000,
        stake=7_000,
        leverage=2,
        orders_a_day=3,
        target=150,
        stop=400,
        foresight=95,
    ),
    Persona(
        external_id="9000000000000000011",
        symbols=("ETHUSDT", "SOLUSDT", "BTCUSDT", "1000PEPEUSDT"),
        deposit=9_000,
        stake=2_000,
        leverage=20,
        orders_a_day=4,
        target=200,
        stop=200,
        foresight=60,
        days=20,
        normalised=True,
    ),
    Persona(
        external_id="9000000000000000012",
        symbols=("XRPUSDT", "HYPEUSDT", "BNBUSDT"),
        deposit=5_000,
        stake=600,
        leverage=30,
        orders_a_day=6,
        target=250,
        stop=150,
        foresight=15,
        days=25,
        isolated=True,
        normalised=True,
    ),
)
