import { z } from 'zod';

/** A count or a number of bytes; int64 for the API server, exact up to 2^53 here. */
export const count = z.int().min(0).meta({ format: 'int64' });
