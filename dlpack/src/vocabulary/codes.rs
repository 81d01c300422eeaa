//! What the numbers of the header have in common that stand for something: any of them is kept, and some have a name.

/// Defines the constants of a code, its name, and how it is written: by its name, or by its number if it has none.
macro_rules! codes {
    ($type:ident($number:ty), $unnamed:literal: $(
        $(#[doc = $doc:literal])+
        $name:ident = $code:literal, $text:literal;
    )*) => {
        impl $type {
            $(
                $(#[doc = $doc])+
                pub const $name: Self = Self($code);
            )*

            /// All codes with a name.
            pub(super) const KNOWN: &[(Self, &'static str)] = &[$((Self::$name, $text)),*];

            /// Takes any number, known or not.
            #[must_use]
            pub const fn new(code: $number) -> Self {
                Self(code)
            }

            /// Returns the number in the header.
            #[must_use]
            pub const fn code(self) -> $number {
                self.0
            }

            /// Returns the name that is written, or `None` for a code that DLPack 1.3 does not name.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($text),)*
                    _ => None,
                }
            }

            /// Returns whether DLPack 1.3 gives this code a name.
            #[must_use]
            pub const fn is_known(self) -> bool {
                self.name().is_some()
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, $unnamed, self.0),
                }
            }
        }
    };
}

pub(super) use codes;
