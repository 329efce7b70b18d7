"""Towns and cities of England, for people who type a place instead of a postcode.

A short gazetteer written by hand: the larger towns, the smaller ones of Lancashire, South Yorkshire and
Derbyshire, and the coordinates of their centres to about a kilometre. It lets "near Preston" work before any
directory is loaded; a postcode is always nearer the truth.
"""

import re

import msgspec

_NOT_A_LETTER = re.compile(r"[^a-z]+")


class Town(msgspec.Struct, frozen=True):
    """A town or city: the latitude and longitude of its centre in degrees (WGS 84), good to about a kilometre."""

    name: str
    lat: float
    lon: float


# name | latitude | longitude
_GAZETTEER = """
Accrington|53.753|-2.364
Aldershot|51.248|-0.764
Alfreton|53.097|-1.385
Altrincham|53.388|-2.354
Ashbourne|53.016|-1.731
Ashford|51.147|0.872
Ashton-under-Lyne|53.489|-2.094
Aylesbury|51.816|-0.812
Bacup|53.704|-2.200
Bakewell|53.214|-1.676
Banbury|52.063|-1.340
Barnsley|53.553|-1.482
Barrow-in-Furness|54.112|-3.227
Basildon|51.572|0.470
Basingstoke|51.266|-1.087
Bath|51.381|-2.360
Bawtry|53.432|-1.019
Bedford|52.136|-0.467
Belper|53.024|-1.481
Berwick-upon-Tweed|55.770|-2.005
Birkenhead|53.391|-3.021
Birmingham|52.480|-1.899
Bishop Auckland|54.663|-1.676
Blackburn|53.748|-2.482
Blackpool|53.817|-3.050
Bolsover|53.229|-1.291
Bolton|53.579|-2.429
Bootle|53.450|-2.997
Boston|52.977|-0.026
Bournemouth|50.720|-1.880
Bracknell|51.416|-0.750
Bradford|53.795|-1.753
Bridgwater|51.128|-3.003
Bridlington|54.083|-0.192
Brighton|50.823|-0.138
Bristol|51.454|-2.588
Burnley|53.789|-2.242
Burton upon Trent|52.803|-1.637
Bury|53.593|-2.298
Bury St Edmunds|52.246|0.713
Buxton|53.259|-1.911
Cambridge|52.205|0.122
Cannock|52.690|-2.031
Canterbury|51.280|1.080
Carlisle|54.893|-2.936
Carnforth|54.130|-2.770
Castleford|53.725|-1.356
Chelmsford|51.736|0.469
Cheltenham|51.899|-2.078
Chester|53.191|-2.892
Chesterfield|53.235|-1.428
Chichester|50.836|-0.780
Chorley|53.653|-2.632
Christchurch|50.736|-1.780
Cleveleys|53.878|-3.040
Clitheroe|53.871|-2.391
Colchester|51.890|0.902
Colne|53.856|-2.170
Corby|52.488|-0.700
Coventry|52.408|-1.510
Crawley|51.113|-0.187
Crewe|53.099|-2.440
Croydon|51.374|-0.098
Darlington|54.524|-1.553
Darwen|53.697|-2.465
Dartford|51.446|0.217
Derby|52.922|-1.477
Dewsbury|53.691|-1.633
Doncaster|53.523|-1.134
Dorchester|50.715|-2.437
Dover|51.128|1.313
Dronfield|53.302|-1.468
Dudley|52.512|-2.081
Durham|54.777|-1.575
Eastbourne|50.768|0.284
Eastleigh|50.969|-1.350
Ely|52.399|0.263
Exeter|50.725|-3.529
Falmouth|50.154|-5.071
Fareham|50.852|-1.179
Farnborough|51.292|-0.755
Fleetwood|53.921|-3.015
Folkestone|51.081|1.170
Garstang|53.901|-2.774
Gateshead|54.958|-1.603
Gillingham|51.389|0.549
Glossop|53.443|-1.949
Gloucester|51.864|-2.244
Gosport|50.795|-1.124
Grantham|52.912|-0.642
Gravesend|51.442|0.369
Great Yarmouth|52.607|1.730
Grimsby|53.567|-0.080
Guildford|51.237|-0.574
Halifax|53.722|-1.863
Harlow|51.770|0.094
Harrogate|53.992|-1.540
Hartlepool|54.686|-1.212
Haslingden|53.705|-2.326
Hastings|50.856|0.580
Hemel Hempstead|51.753|-0.473
Hereford|52.056|-2.716
Hertford|51.796|-0.078
Heysham|54.046|-2.894
High Wycombe|51.629|-0.749
Huddersfield|53.646|-1.785
Hull|53.744|-0.333
Huntingdon|52.331|-0.183
Ilkeston|52.971|-1.310
Ipswich|52.057|1.156
Kendal|54.328|-2.745
Keighley|53.867|-1.907
Kettering|52.398|-0.727
Kidderminster|52.389|-2.249
King's Lynn|52.752|0.397
Kirkham|53.782|-2.872
Lancaster|54.047|-2.801
Leamington Spa|52.289|-1.536
Leeds|53.799|-1.549
Leicester|52.635|-1.133
Leigh|53.497|-2.519
Leyland|53.692|-2.697
Lichfield|52.683|-1.828
Lincoln|53.230|-0.541
Littleborough|53.644|-2.097
Liverpool|53.407|-2.988
London|51.507|-0.128
Long Eaton|52.898|-1.271
Loughborough|52.772|-1.206
Lowestoft|52.475|1.751
Luton|51.879|-0.417
Lytham St Annes|53.744|-3.005
Macclesfield|53.259|-2.127
Maidenhead|51.523|-0.718
Maidstone|51.272|0.529
Manchester|53.480|-2.242
Mansfield|53.144|-1.197
Margate|51.386|1.386
Matlock|53.138|-1.555
Mexborough|53.494|-1.284
Middlesbrough|54.575|-1.235
Milton Keynes|52.041|-0.759
Morecambe|54.072|-2.864
Nelson|53.836|-2.214
Newark-on-Trent|53.076|-0.809
Newbury|51.401|-1.324
Newcastle upon Tyne|54.974|-1.613
Newcastle-under-Lyme|53.011|-2.228
Newquay|50.413|-5.083
New Mills|53.366|-2.000
Northallerton|54.339|-1.433
Northampton|52.237|-0.896
North Shields|55.010|-1.446
Northwich|53.259|-2.518
Norwich|52.628|1.296
Nottingham|52.953|-1.150
Nuneaton|52.523|-1.467
Oldham|53.541|-2.117
Ormskirk|53.568|-2.883
Oxford|51.752|-1.258
Penrith|54.664|-2.753
Penzance|50.118|-5.538
Peterborough|52.573|-0.243
Plymouth|50.371|-4.143
Pontefract|53.691|-1.312
Poole|50.719|-1.981
Portsmouth|50.799|-1.091
Poulton-le-Fylde|53.847|-2.993
Preston|53.759|-2.699
Ramsgate|51.335|1.417
Rawtenstall|53.700|-2.287
Reading|51.455|-0.970
Redcar|54.617|-1.064
Redditch|52.306|-1.944
Ripley|53.050|-1.406
Ripon|54.136|-1.523
Rochdale|53.616|-2.156
Rochester|51.388|0.505
Rotherham|53.432|-1.357
Rugby|52.371|-1.263
Runcorn|53.341|-2.729
Salford|53.484|-2.291
Salisbury|51.069|-1.795
Scarborough|54.280|-0.401
Scunthorpe|53.590|-0.651
Sheffield|53.381|-1.470
Shrewsbury|52.708|-2.754
Skelmersdale|53.551|-2.775
Skipton|53.962|-2.017
Slough|51.510|-0.595
Solihull|52.412|-1.778
Southampton|50.904|-1.404
Southend-on-Sea|51.538|0.714
Southport|53.648|-3.007
South Shields|54.998|-1.432
Stafford|52.806|-2.117
Stevenage|51.902|-0.202
Stockport|53.408|-2.149
Stockton-on-Tees|54.565|-1.313
Stoke-on-Trent|53.025|-2.181
Stourbridge|52.456|-2.148
St Albans|51.753|-0.339
St Austell|50.339|-4.790
St Helens|53.454|-2.737
Sunderland|54.905|-1.382
Sutton Coldfield|52.563|-1.823
Sutton-in-Ashfield|53.127|-1.262
Swadlincote|52.774|-1.557
Swindon|51.560|-1.781
Tamworth|52.634|-1.693
Taunton|51.015|-3.103
Telford|52.677|-2.447
Thorne|53.611|-0.962
Thornton|53.873|-3.004
Torquay|50.463|-3.525
Truro|50.263|-5.051
Tunbridge Wells|51.132|0.264
Wakefield|53.683|-1.498
Walsall|52.586|-1.982
Warrington|53.390|-2.595
Warwick|52.282|-1.585
Washington|54.898|-1.521
Watford|51.656|-0.396
Wellingborough|52.302|-0.694
Wells|51.209|-2.647
Weston-super-Mare|51.346|-2.977
Weymouth|50.613|-2.455
Whitby|54.486|-0.615
Whitehaven|54.549|-3.589
Widnes|53.364|-2.734
Wigan|53.545|-2.632
Winchester|51.063|-1.310
Windsor|51.482|-0.609
Woking|51.319|-0.558
Wolverhampton|52.587|-2.128
Worcester|52.193|-2.221
Workington|54.643|-3.545
Worksop|53.303|-1.124
Worthing|50.814|-0.372
Yeovil|50.942|-2.633
York|53.960|-1.081
"""

_OTHER_NAMES = {
    "barrow": "Barrow-in-Furness",
    "burtonontrent": "Burton upon Trent",
    "burton": "Burton upon Trent",
    "kingstonuponhull": "Hull",
    "royalleamingtonspa": "Leamington Spa",
    "royaltunbridgewells": "Tunbridge Wells",
    "lytham": "Lytham St Annes",
    "stannes": "Lytham St Annes",
    "stannesonsea": "Lytham St Annes",
    "lythamstannesonsea": "Lytham St Annes",
    "newark": "Newark-on-Trent",
    "newcastle": "Newcastle upon Tyne",
    "southend": "Southend-on-Sea",
    "stockton": "Stockton-on-Tees",
    "stoke": "Stoke-on-Trent",
    "weston": "Weston-super-Mare",
    "poulton": "Poulton-le-Fylde",
    "thorntoncleveleys": "Thornton",
}


def name_key(name: str) -> str:
    """Bring a place's name to the form in which names are compared: letters only, "Saint" as "St"."""
    text = name.casefold().replace("&", "and")
    words = ["st" if word == "saint" else word for word in _NOT_A_LETTER.split(text)]
    return "".join(words)


def _read(gazetteer: str) -> tuple[Town, ...]:
    rows = (line.split("|") for line in gazetteer.strip().splitlines())
    return tuple(Town(name, float(lat), float(lon)) for name, lat, lon in rows)


TOWNS = _read(_GAZETTEER)
_BY_KEY = {name_key(town.name): town for town in TOWNS}


def find_town(text: str) -> Town | None:
    """Find a town by name, whatever the case, hyphens or apostrophes; None when it is not in the gazetteer."""
    if len(text) > 60:
        return None
    # "Preston, Lancashire" means Preston.
    key = name_key(text.split(",")[0])
    other = _OTHER_NAMES.get(key)
    return _BY_KEY.get(name_key(other) if other else key)
