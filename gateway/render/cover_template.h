/* cover_template.h: the cover page of a gateway that was given none. A4 in millimetres. */
#ifndef GATEWAY_RENDER_COVER_TEMPLATE_H
#define GATEWAY_RENDER_COVER_TEMPLATE_H

static const char cover_template[] =
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 210 297' "
    "font-family='sans-serif' font-size='4.2'>"
    "<text x='20' y='36' font-size='14' font-weight='bold'>Fax</text>"
    "<path d='M20 42H190' stroke='black' stroke-width='0.7'/>"
    "<g font-weight='bold'>"
    "<text x='20' y='52'>To</text><text x='20' y='60'>Fax</text>"
    "<text x='20' y='72'>From</text><text x='20' y='80'>Fax</text>"
    "<text x='20' y='92'>Date</text><text x='20' y='100'>Subject</text></g>"
    "<text x='45' y='52'>{{to_name}}</text><text x='45' y='60'>{{to_number}}</text>"
    "<text x='45' y='72'>{{from_name}}</text><text x='45' y='80'>{{from_number}}</text>"
    "<text x='45' y='92'>{{date}}</text><text x='45' y='100'>{{subject}}</text>"
    "<path d='M20 106H190' stroke='black' stroke-width='0.4'/>"
    "<rect id='text' x='20' y='112' width='170' height='165' fill='none'/>"
    "</svg>";

#endif
