//! Reads protobuf as the specification of its encoding has it, knowing nothing of the messages: a second opinion on what
//! was written.

/// A message taken apart: numbers of fields and what is in them, in order.
#[derive(Debug, PartialEq)]
pub struct Message<'b>(Vec<(u64, Value<'b>)>);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value<'b> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'b [u8]),
    Fixed32([u8; 4]),
}

impl<'b> Message<'b> {
    pub fn new(mut bytes: &'b [u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let value = match key & 7 {
                0 => Value::Varint(varint(&mut bytes)),
                1 => Value::Fixed64(take(&mut bytes, 8).try_into().unwrap()),
                2 => {
                    let length = varint(&mut bytes) as usize;
                    Value::Bytes(take(&mut bytes, length))
                }
                5 => Value::Fixed32(take(&mut bytes, 4).try_into().unwrap()),
                other => panic!("wire type {other}"),
            };
            fields.push((key >> 3, value));
        }
        Self(fields)
    }

    /// The same without a field.
    pub fn without(self, field: u64) -> Self {
        Self(self.0.into_iter().filter(|(number, _)| *number != field).collect())
    }

    fn all(&self, field: u64) -> impl Iterator<Item = Value<'b>> {
        self.0.iter().filter(move |(number, _)| *number == field).map(|(_, value)| *value)
    }

    pub fn bytes(&self, field: u64) -> Vec<&'b [u8]> {
        let bytes = |value| if let Value::Bytes(bytes) = value { bytes } else { panic!("field {field}: {value:?}") };
        self.all(field).map(bytes).collect()
    }

    pub fn messages(&self, field: u64) -> Vec<Message<'b>> {
        self.bytes(field).into_iter().map(Message::new).collect()
    }

    /// The only message of a field.
    pub fn message(&self, field: u64) -> Message<'b> {
        let mut all = self.messages(field);
        assert_eq!(all.len(), 1, "field {field}");
        all.remove(0)
    }

    pub fn texts(&self, field: u64) -> Vec<&'b str> {
        self.bytes(field).into_iter().map(|bytes| std::str::from_utf8(bytes).unwrap()).collect()
    }

    /// The only text of a field, or nothing.
    pub fn text(&self, field: u64) -> &'b str {
        self.texts(field).first().copied().unwrap_or_default()
    }

    /// Whole numbers, packed or not.
    pub fn whole_numbers(&self, field: u64) -> Vec<u64> {
        let mut numbers = Vec::new();
        for value in self.all(field) {
            match value {
                Value::Varint(number) => numbers.push(number),
                Value::Bytes(mut packed) => {
                    while !packed.is_empty() {
                        numbers.push(varint(&mut packed));
                    }
                }
                other => panic!("field {field}: {other:?}"),
            }
        }
        numbers
    }

    pub fn whole_number(&self, field: u64) -> Option<u64> {
        self.whole_numbers(field).first().copied()
    }

    pub fn float(&self, field: u64) -> Option<f32> {
        let value = self.all(field).next()?;
        if let Value::Fixed32(bytes) = value { Some(f32::from_le_bytes(bytes)) } else { panic!("{value:?}") }
    }

    pub fn double(&self, field: u64) -> Option<f64> {
        let value = self.all(field).next()?;
        if let Value::Fixed64(bytes) = value { Some(f64::from_le_bytes(bytes)) } else { panic!("{value:?}") }
    }
}

fn take<'b>(bytes: &mut &'b [u8], count: usize) -> &'b [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let byte = take(bytes, 1)[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    number
}
